package depcheck

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// listed is what `go list` says of a package.
type listed struct {
	ImportPath string
	Dir        string
	Name       string
	Standard   bool
	GoFiles    []string
	CgoFiles   []string
	Imports    []string
	Deps       []string
	Module     *struct{ Main bool }
}

// load lists the module's packages below root.
func load(root string) ([]pkg, error) {
	if err := touch(root); err != nil {
		return nil, err
	}
	// -e: a package that does not build at the moment still has imports.
	command := exec.Command("go", "list", "-e", "-deps", "-json=ImportPath,Dir,Name,Standard,GoFiles,CgoFiles,Imports,Deps,Module", "./...")
	command.Dir = root
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w: %s", root, err, stderr.String())
	}
	var all []listed
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var l listed
		if err := decoder.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list in %s: %w", root, err)
		}
		all = append(all, l)
	}
	isStandard := map[string]bool{}
	for _, l := range all {
		isStandard[l.ImportPath] = l.Standard
	}
	var packages []pkg
	for _, l := range all {
		if l.Module == nil || !l.Module.Main || l.Name == "" {
			continue
		}
		p := pkg{path: relative(l.ImportPath)}
		for _, imported := range l.Imports {
			if within(imported, module) {
				p.own = append(p.own, relative(imported))
			} else {
				p.outside = append(p.outside, imported)
			}
		}
		for _, reached := range l.Deps {
			if isStandard[reached] {
				p.reaches = append(p.reaches, reached)
			}
		}
		for _, file := range append(l.GoFiles, l.CgoFiles...) {
			tags, err := structTags(filepath.Join(l.Dir, file))
			if err != nil {
				return nil, err
			}
			p.tags = append(p.tags, tags...)
		}
		packages = append(packages, p)
	}
	return packages, nil
}

func relative(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, module), "/") }

// touch opens the module's Go files, so that `go test` knows this result to depend on them and does not give an old one
// from its cache.
func touch(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), "."):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		return file.Close()
	})
}

// structTags gives where the file has struct tags, each with its text.
func structTags(file string) ([]string, error) {
	fileSet := token.NewFileSet()
	parsed, err := parser.ParseFile(fileSet, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []string
	ast.Inspect(parsed, func(node ast.Node) bool {
		if structure, isStruct := node.(*ast.StructType); isStruct {
			for _, field := range structure.Fields.List {
				if field.Tag != nil {
					position := fileSet.Position(field.Tag.Pos())
					found = append(found, fmt.Sprintf("%s:%d: %s", filepath.Base(position.Filename), position.Line, field.Tag.Value))
				}
			}
		}
		return true
	})
	return found, nil
}
