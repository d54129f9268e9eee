package promotion

import "strings"

// NotEnforced gives the keys of the policy that are set to something that would restrict or change a promotion to the
// environment, and that this version does not enforce. An environment with such a key promotes nothing: a rule that
// is not enforced is never silently ignored.
func (p Policy) NotEnforced(environment Environment) []string {
	var keys []string
	note := func(set bool, key string) {
		if set {
			keys = append(keys, "environments."+environment.Name+"."+key)
		}
	}
	note(len(environment.Repository) > 0, "repository")
	note(environment.Attest == "required", "attest")
	note(environment.Deploy != nil, "deploy")
	return keys
}

// closure gives the named stages and all that they come after, in the policy's order.
func (p Policy) closure(names []string) []Stage {
	wanted := map[string]bool{}
	var want func(string)
	want = func(name string) {
		stage, found := p.Stage(name)
		if !found || wanted[name] {
			return
		}
		wanted[name] = true
		for _, before := range stage.After {
			want(before)
		}
	}
	for _, name := range names {
		want(name)
	}
	var stages []Stage
	for _, stage := range p.Stages {
		if wanted[stage.Name] {
			stages = append(stages, stage)
		}
	}
	return stages
}

// Matches reports whether text fits a pattern in which "*" stands for any characters.
func Matches(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}
