package report_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/verbatim-dev/verbatim/promotion"
)

// row is a reason code's row of docs/reasons.md: the code, what it means, how to mend it.
var row = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (.+?) \\| (.+?) \\|$")

// notProduced is how the page says of a code that this version never answers it.
const notProduced = "Not in this version"

func TestEveryReasonIsExplained(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := row.FindAllStringSubmatch(string(page), -1)
	if all := strings.Count(string(page), "\n| `"); len(rows) != len(promotion.Reasons()) || all != len(rows) {
		t.Fatalf("%d codes, %d rows, %d of them whole", len(promotion.Reasons()), all, len(rows))
	}
	produced := producedReasons(t)
	for i, reason := range promotion.Reasons() {
		if rows[i][1] != string(reason) {
			t.Fatalf("row %d is of %s, and it is the turn of %s", i+1, rows[i][1], reason)
		}
		if said := strings.HasPrefix(rows[i][2], notProduced); said == produced[reason] {
			t.Errorf("%s: the page says that this version does not produce it: %t; the sources use it: %t", reason, said, produced[reason])
		}
	}
}

// producedReasons gives the codes that the sources name anywhere but where they are declared.
func producedReasons(t *testing.T) map[promotion.Reason]bool {
	t.Helper()
	declared := declaredReasons(t)
	produced := map[promotion.Reason]bool{}
	for _, folder := range []string{"promotion", "handlers", "server"} {
		err := filepath.WalkDir("../../"+folder, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "promotion/reason.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(node ast.Node) bool {
				switch node := node.(type) {
				case *ast.SelectorExpr:
					if of, isName := node.X.(*ast.Ident); isName && of.Name == "promotion" {
						produced[declared[node.Sel.Name]] = true
					}
					return false
				case *ast.Field:
					return false // a field may be called like a code
				case *ast.KeyValueExpr:
					if key, isName := node.Key.(*ast.Ident); isName {
						key.Name = "_"
					}
				case *ast.Ident:
					if file.Name.Name == "promotion" {
						produced[declared[node.Name]] = true
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return produced
}

// declaredReasons gives the codes by the names of their constants.
func declaredReasons(t *testing.T) map[string]promotion.Reason {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../reason.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]promotion.Reason{}
	ast.Inspect(file, func(node ast.Node) bool {
		constant, isValue := node.(*ast.ValueSpec)
		if !isValue || len(constant.Names) != 1 || len(constant.Values) != 1 {
			return true
		}
		if kind, isName := constant.Type.(*ast.Ident); isName && kind.Name == "Reason" {
			value, _ := constant.Values[0].(*ast.BasicLit)
			declared[constant.Names[0].Name] = promotion.Reason(strings.Trim(value.Value, `"`))
		}
		return true
	})
	if len(declared) != len(promotion.Reasons()) {
		t.Fatalf("%d constants, %d codes", len(declared), len(promotion.Reasons()))
	}
	return declared
}
