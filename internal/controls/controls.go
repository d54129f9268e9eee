package controls

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Control is one defence and the test that fails without it.
type Control struct {
	Name    string `yaml:"name"`    // unique, in kebab-case
	Threat  string `yaml:"threat"`  // first column of its row in docs/security.md; "" for a promise that is no threat
	File    string `yaml:"file"`    // the source file, relative to the module's root
	Find    string `yaml:"find"`    // occurs exactly once in the file
	Replace string `yaml:"replace"` // what stands there instead
	Package string `yaml:"package"` // of the test, as go test takes it: "./server"
	Test    string `yaml:"test"`    // the test's function
	Seed    string `yaml:"seed"`    // for tests of rapid: the seed with which it is found; "" for any
	Also    []Edit `yaml:"also"`    // in the same file: what stands behind the defence and would hold without it
}

// Edit is a text that occurs exactly once in a file, and what stands there instead.
type Edit struct {
	Find    string `yaml:"find"`
	Replace string `yaml:"replace"`
}

// Load reads every control below the module's root, by file and then in the file's order. It returns an error that names the
// file for YAML that cannot be read, an unknown or missing key, and a name that is there twice.
func Load(root string) ([]Control, error) {
	files, err := filepath.Glob(filepath.Join(root, "internal", "controls", "*.yml"))
	if err != nil {
		return nil, err
	}
	var all []Control
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var controls []Control
		if err := yaml.Load(content, &controls, yaml.WithKnownFields()); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		for _, control := range controls {
			if slices.ContainsFunc(all, func(other Control) bool { return other.Name == control.Name }) {
				return nil, fmt.Errorf("read %s: two controls are called %q", file, control.Name)
			}
			if control.Name == "" || control.File == "" || control.Find == "" || control.Package == "" || control.Test == "" {
				return nil, fmt.Errorf("read %s: control %q lacks one of name, file, find, package and test", file, control.Name)
			}
			all = append(all, control)
		}
	}
	return all, nil
}

// Without returns the source file's content with the defence taken out. It returns an error when the text to be replaced is
// not there exactly once.
func (c Control) Without(root string) ([]byte, error) {
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(c.File)))
	if err != nil {
		return nil, fmt.Errorf("control %s: %w", c.Name, err)
	}
	mutated := string(content)
	for _, edit := range append([]Edit{{c.Find, c.Replace}}, c.Also...) {
		find, replace := strings.TrimSuffix(edit.Find, "\n"), strings.TrimSuffix(edit.Replace, "\n")
		if count := strings.Count(mutated, find); count != 1 {
			return nil, fmt.Errorf("control %s: its text is %d times in %s, expected once: bring find up to date:\n%s", c.Name, count, c.File, find)
		}
		mutated = strings.Replace(mutated, find, replace, 1)
	}
	return []byte(mutated), nil
}

// Named reports an error unless the test that the control names is in its package.
func (c Control) Named(root string) error {
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(c.Package), "*_test.go"))
	if err != nil {
		return err
	}
	declaration := regexp.MustCompile(`(?m)^func ` + regexp.QuoteMeta(c.Test) + `\(`)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if declaration.Match(content) {
			return nil
		}
	}
	return fmt.Errorf("control %s: there is no test %s in %s", c.Name, c.Test, c.Package)
}

// ErrUnnoticed says that a test passes although the defence that it is to hold was taken out.
var ErrUnnoticed = errors.New("the test passes without the defence")

// Try builds and runs the control's test without the defence. It returns what the test said, and ErrUnnoticed when it
// passed, or another error when it could not be built or found.
func (c Control) Try(ctx context.Context, root string) (string, error) {
	mutated, err := c.Without(root)
	if err != nil {
		return "", err
	}
	folder, err := os.MkdirTemp("", "control-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	replacement := filepath.Join(folder, filepath.Base(c.File))
	overlay := filepath.Join(folder, "overlay.json")
	described, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, filepath.FromSlash(c.File)): replacement}})
	if err == nil {
		err = os.WriteFile(replacement, mutated, 0o600)
	}
	if err == nil {
		err = os.WriteFile(overlay, described, 0o600)
	}
	if err != nil {
		return "", err
	}
	if said, err := c.test(ctx, root, overlay, "-run", "^$"); err != nil {
		return said, fmt.Errorf("control %s: the sources do not build without the defence: %w", c.Name, err)
	}
	arguments := []string{"-count=1", "-timeout", "10m", "-v", "-run", "^" + c.Test + "$"}
	if c.Seed != "" {
		arguments = append(arguments, "-rapid.seed="+c.Seed)
	}
	said, err := c.test(ctx, root, overlay, arguments...)
	switch {
	case !strings.Contains(said, "=== RUN   "+c.Test):
		return said, fmt.Errorf("control %s: test %s did not run: %w", c.Name, c.Test, cmp.Or(err, errors.New("go test found none of that name")))
	case err == nil:
		return said, fmt.Errorf("control %s (%s): %w: %s in %s", c.Name, c.File, ErrUnnoticed, c.Test, c.Package)
	}
	return said, nil
}

func (c Control) test(ctx context.Context, root, overlay string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", append([]string{"test", "-overlay", overlay, c.Package}, arguments...)...)
	command.Dir = root
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	said, err := command.CombinedOutput()
	return string(said), err
}
