package forge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"github.com/verbatim-dev/verbatim/promotion"
)

// maximumLevels is how deep a workflow's file may nest.
const maximumLevels = 300

// Uses gives what a workflow's or an action's file says under "uses", at any depth, in whichever way YAML lets it be said; and an
// action's scripts and Dockerfiles that are outside of its folder, as local paths. The
// error is promotion.ErrNotFound where there is no such file, and promotion.ErrUnreadable where it cannot be told. One call.
func (f *Forge) Uses(ctx context.Context, repository promotion.Repository, commit promotion.Commit, file string) ([]string, error) {
	content, err := f.File(ctx, repository, commit, file)
	if err != nil {
		return nil, err
	}
	uses, err := usesIn(content, actionFolder(file))
	if err != nil {
		return nil, fmt.Errorf("read what %.200q uses: %w: %w", file, promotion.ErrUnreadable, err)
	}
	return uses, nil
}

// actionFolder returns the folder of an action's file; "" for a workflow's.
func actionFolder(file string) string {
	folder, name := path.Split(file)
	if name != "action.yml" && name != "action.yaml" {
		return ""
	}
	return path.Clean(folder)
}

func usesIn(content []byte, folder string) ([]string, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(content), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maximumLevels))))
	if err != nil {
		return nil, err
	}
	found := usage{folder: folder, seen: map[*yaml.Node]bool{}}
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
	folder string // an action's; "": it is a workflow
	names  []string
	seen   map[*yaml.Node]bool // those below "uses"
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
			u.script(node.Content[i], node.Content[i+1])
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

// script notes what an action runs that is not in its folder: a script, or a Dockerfile
// (https://docs.github.com/actions/reference/workflows-and-actions/metadata-syntax#runs).
func (u *usage) script(key, value *yaml.Node) {
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	if u.folder == "" || value.Kind != yaml.ScalarNode || !isOneOf(key, "main", "pre", "post", "image") {
		return
	}
	file := path.Join(u.folder, strings.ReplaceAll(strings.TrimSpace(value.Value), `\`, "/"))
	if !strings.HasPrefix(file, u.folder+"/") && file != u.folder && !strings.HasPrefix(file, "../") {
		u.names = append(u.names, "./"+file)
	}
}

func isUses(key *yaml.Node) bool { return isOneOf(key, "uses") }

func isOneOf(key *yaml.Node, names ...string) bool {
	if key.Kind == yaml.AliasNode {
		key = key.Alias
	}
	return key.Kind == yaml.ScalarNode && slices.ContainsFunc(names, func(name string) bool {
		return strings.EqualFold(strings.TrimSpace(key.Value), name)
	})
}
