package config

import (
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Limits of a policy. They are far above what anybody needs, and keep what a hostile file costs small: forks can have
// one read by opening a pull request.
const (
	// MaximumPolicySize is how many bytes a policy file may have.
	MaximumPolicySize = 64 << 10
	// MaximumEnvironments is how many environments a policy may have: each gets a check run on every commit.
	MaximumEnvironments = 20

	maximumNames    = 200 // of images, stages, groups
	maximumItems    = 100 // of any list
	maximumDepth    = 12  // of maps and lists within each other; the deepest key has 6
	maximumProblems = 50  // that are reported of one file
)

// PolicyError says everything that is wrong with a policy.
type PolicyError struct{ Problems []promotion.Problem }

// Error gives one line a problem.
func (e *PolicyError) Error() string {
	lines := make([]string, 0, len(e.Problems))
	for _, problem := range e.Problems {
		lines = append(lines, problem.String())
	}
	return strings.Join(lines, "\n")
}

// ParsePolicy reads a policy file and fills in the defaults. The file's name is for messages. The error is a
// *PolicyError with every problem (the first 50, if there are more), in the order of the file's lines.
func ParsePolicy(file string, content []byte) (promotion.Policy, error) {
	d := newDecoder(file)
	var document policyDocument
	if root := d.read(content, MaximumPolicySize); root != nil {
		d.decode(root, reflect.ValueOf(&document).Elem(), "", limits{})
		validator{decoder: d, document: document}.validate()
	}
	if len(d.problems) > 0 {
		return promotion.Policy{}, &PolicyError{Problems: d.sorted()}
	}
	return document.policy(), nil
}

// EnvironmentNames gives the names that a policy file gives to environments, also when the file is invalid otherwise, so
// that the check runs that people wait for can say so: at most MaximumEnvironments, and only what could be names.
func EnvironmentNames(content []byte) []string {
	d := newDecoder("")
	root := d.parse(content, MaximumPolicySize)
	if root == nil {
		return environmentLines(content)
	}
	var names []string
	each(root, func(key string, value *yaml.Node) {
		if key != "environments" {
			return
		}
		each(value, func(name string, _ *yaml.Node) { names = addName(names, name) })
	})
	return names
}

// each gives a map's keys and values, and nothing for what is no map.
func each(node *yaml.Node, do func(key string, value *yaml.Node)) {
	if node.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		do(node.Content[i].Value, node.Content[i+1])
	}
}

func addName(names []string, name string) []string {
	if len(names) >= MaximumEnvironments || !namePattern.MatchString(name) {
		return names
	}
	for _, known := range names {
		if strings.EqualFold(known, name) {
			return names
		}
	}
	return append(names, name)
}

var environmentLine = regexp.MustCompile(`^([ ]+)["']?([A-Za-z0-9][A-Za-z0-9._-]*)["']?:(?:\s|$)`)

// environmentLines finds the names in a file that is not YAML, mostly for want of a bracket or a quote somewhere: the
// first keys that are indented under environments.
func environmentLines(content []byte) []string {
	if len(content) > MaximumPolicySize {
		return nil
	}
	var names []string
	inside, indent := false, ""
	for line := range strings.Lines(string(content)) {
		line = strings.TrimRight(line, "\r\n")
		text := strings.TrimSpace(line)
		switch {
		case text == "" || text[0] == '#':
		case line[0] != ' ' && line[0] != '\t':
			key, rest, _ := strings.Cut(line, ":")
			rest, _, _ = strings.Cut(rest, "#")
			inside, indent = key == "environments" && strings.TrimSpace(rest) == "", ""
		case inside:
			if found := environmentLine.FindStringSubmatch(line); found != nil && (indent == "" || indent == found[1]) {
				indent = found[1]
				names = addName(names, found[2])
			}
		}
	}
	return names
}
