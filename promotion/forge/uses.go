package forge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"github.com/verbatim-dev/verbatim/promotion"
)

// maximumLevels is how deep a workflow's file may nest.
const maximumLevels = 300

// Uses gives what a workflow's or an action's file says under "uses", at any depth, in whichever way YAML lets it be said. The
// error is promotion.ErrNotFound where there is no such file, and promotion.ErrUnreadable where it cannot be told. One call.
func (f *Forge) Uses(ctx context.Context, repository promotion.Repository, commit promotion.Commit, path string) ([]string, error) {
	content, err := f.File(ctx, repository, commit, path)
	if err != nil {
		return nil, err
	}
	uses, err := usesIn(content)
	if err != nil {
		return nil, fmt.Errorf("read what %.200q uses: %w: %w", path, promotion.ErrUnreadable, err)
	}
	return uses, nil
}

func usesIn(content []byte) ([]string, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(content), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maximumLevels))))
	if err != nil {
		return nil, err
	}
	found := usage{seen: map[*yaml.Node]bool{}}
	for {
		var document yaml.Node
		switch err := loader.Load(&document); {
		case errors.Is(err, io.EOF):
			return found.names, nil
		case err != nil:
			return nil, err
		}
		if err := found.walk(&document, false); err != nil {
			return nil, err
		}
	}
}

// usage collects what is used. Every node is looked at once, so that no alias makes it long.
type usage struct {
	names []string
	seen  map[*yaml.Node]bool // those below "uses"
}

func (u *usage) walk(node *yaml.Node, used bool) error {
	if node.Kind == yaml.AliasNode {
		if !used {
			return nil // what it stands for is looked at where it is
		}
		node = node.Alias
	}
	if used {
		if u.seen[node] {
			return nil
		}
		u.seen[node] = true
	}
	switch node.Kind {
	case yaml.ScalarNode:
		if !used {
			return nil
		}
		if tag := node.ShortTag(); tag != "!!str" && tag != "!!null" {
			return fmt.Errorf("line %d: a text is expected under uses, not %s", node.Line, tag)
		}
		u.names = append(u.names, node.Value)
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if err := u.walk(node.Content[i+1], used || isUses(node.Content[i])); err != nil {
				return err
			}
		}
	default:
		for _, child := range node.Content {
			if err := u.walk(child, used); err != nil {
				return err
			}
		}
	}
	return nil
}

func isUses(key *yaml.Node) bool {
	if key.Kind == yaml.AliasNode {
		key = key.Alias
	}
	return key.Kind == yaml.ScalarNode && strings.EqualFold(strings.TrimSpace(key.Value), "uses")
}
