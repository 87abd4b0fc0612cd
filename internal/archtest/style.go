package archtest

import (
	"go/ast"
	"strings"
)

func checkDoc(t *Tree) []Violation {
	var found []Violation
	for _, p := range t.packages {
		var documented []*File
		source := p.files[0]
		for _, f := range p.files {
			if !f.test {
				source = f
				if f.ast.Doc != nil {
					documented = append(documented, f)
				}
			}
		}
		switch {
		case source.test: // a package of tests alone
		case len(documented) == 0:
			found = append(found, source.whole("package %s has no doc comment", p.name))
		case len(documented) > 1:
			for _, f := range documented {
				found = append(found, f.at(f.ast.Package, "one of %d doc comments of package %s", len(documented), p.name))
			}
		case p.name != "main" && !strings.HasPrefix(documented[0].ast.Doc.Text(), "Package "+p.name+" "):
			f := documented[0]
			found = append(found, f.at(f.ast.Doc.Pos(), "doc comment does not start with %q", "Package "+p.name))
		}
	}
	return found
}

func checkSize(t *Tree) []Violation {
	var found []Violation
	for _, p := range t.packages {
		for _, f := range p.files {
			if f.lines > maxLines {
				found = append(found, f.whole("%d lines, want at most %d", f.lines, maxLines))
			}
		}
	}
	return found
}

func checkInit(t *Tree) []Violation {
	var found []Violation
	for _, p := range t.packages {
		for _, f := range p.files {
			for _, d := range f.ast.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					found = append(found, f.at(fn.Pos(), "func init"))
				}
			}
		}
	}
	return found
}

func checkSleep(t *Tree) []Violation {
	var found []Violation
	for _, p := range t.packages {
		for _, f := range p.files {
			if !f.test || f.imports("testing/synctest") {
				continue
			}
			for n := range ast.Preorder(f.ast) {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if imported, name, ok := p.named(sel); ok && imported == "time" && name == "Sleep" {
						found = append(found, f.at(n.Pos(), "time.Sleep outside of testing/synctest"))
					}
				}
			}
		}
	}
	return found
}
