package deploy

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// instruction is one of a Dockerfile, its continued lines joined.
type instruction struct{ name, arguments string }

// stages gives the Dockerfile's instructions by stage.
func stages(t *testing.T) [][]instruction {
	t.Helper()
	var found [][]instruction
	var joined strings.Builder
	for line := range strings.Lines(string(read(t, "../Dockerfile"))) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if before, continued := strings.CutSuffix(line, `\`); continued {
			joined.WriteString(before)
			continue
		}
		joined.WriteString(line)
		name, arguments, _ := strings.Cut(joined.String(), " ")
		joined.Reset()
		if name == "FROM" {
			found = append(found, nil)
		}
		if len(found) == 0 {
			t.Fatalf("%s before the first FROM", name)
		}
		found[len(found)-1] = append(found[len(found)-1], instruction{name, arguments})
	}
	return found
}

// only gives the arguments of the stage's one instruction of that name.
func only(t *testing.T, stage []instruction, name string) string {
	t.Helper()
	var found []string
	for _, i := range stage {
		if i.name == name {
			found = append(found, i.arguments)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d × %s in the last stage, 1 wanted", len(found), name)
	}
	return found[0]
}

func TestDockerfileBuildsWithTheModulesGo(t *testing.T) {
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(string(read(t, "../go.mod")))
	if version == nil {
		t.Fatal("go.mod names no version")
	}
	all := stages(t)
	if len(all) != 2 {
		t.Fatalf("%d stages, 2 wanted", len(all))
	}
	if from := all[0][0].arguments; !strings.Contains(from, " golang:"+version[1]+"-") {
		t.Errorf("the first stage is FROM %s; go.mod has %s", from, version[1])
	}
	var builds bool
	for _, i := range all[0] {
		if i.name == "RUN" && strings.Contains(i.arguments, "go build") {
			builds = true
			for _, flag := range []string{"CGO_ENABLED=0", "-trimpath", "-tags timetzdata", "-X main.version="} {
				if !strings.Contains(i.arguments, flag) {
					t.Errorf("it builds without %s", flag)
				}
			}
		}
	}
	if !builds {
		t.Error("it builds nothing")
	}
}

func TestDockerfileEndsInTheProgramAlone(t *testing.T) {
	all := stages(t)
	last := all[len(all)-1]
	if from := last[0].arguments; from != "scratch" {
		t.Errorf("the last stage is FROM %s", from)
	}
	if user := only(t, last, "USER"); !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user) {
		t.Errorf("USER %s: Kubernetes can tell only of a number that it is not root", user)
	}
	for name, want := range map[string][]string{"ENTRYPOINT": {"/verbatim"}, "CMD": {"serve"}, "VOLUME": {"/data"}} {
		var got []string
		if err := json.Unmarshal([]byte(only(t, last, name)), &got); err != nil {
			t.Errorf("%s %s is for a shell, and there is none", name, only(t, last, name))
		} else if len(got) != 1 || got[0] != want[0] {
			t.Errorf("%s %v, wanted %v", name, got, want)
		}
	}
	user := only(t, last, "USER")
	copied := map[string]string{}
	for _, i := range last {
		switch i.name {
		case "RUN", "ADD":
			t.Errorf("%s in the last stage", i.name)
		case "COPY":
			fields := strings.Fields(i.arguments)
			copied[fields[len(fields)-1]] = i.arguments
		}
	}
	for path, needs := range map[string]string{
		"/verbatim": "--from=build", "/data": "--chown=" + user, "/tmp": "--chown=" + user, "/etc/ssl/certs/ca-certificates.crt": "--from=build",
	} {
		if !strings.Contains(copied[path], needs) {
			t.Errorf("COPY … %s: %q has no %s", path, copied[path], needs)
		}
	}
	environment := only(t, last, "ENV")
	for _, variable := range []string{"VERBATIM_ADDR=0.0.0.0:8080", "VERBATIM_DATABASE_URL=sqlite:/data/verbatim.db"} {
		if !strings.Contains(environment, variable) {
			t.Errorf("ENV has no %s", variable)
		}
	}
}
