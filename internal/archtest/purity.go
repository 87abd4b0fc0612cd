package archtest

import (
	"go/ast"
	"path"
	"slices"
)

func checkPure(t *Tree) []Violation {
	seen := make([]bool, len(pureFiles))
	var found []Violation
	for _, p := range t.packages {
		for _, f := range p.files {
			i := pureIndex(f)
			if i < 0 {
				continue
			}
			seen[i] = true
			found = append(found, p.impure(f)...)
		}
	}
	for i, pure := range pureFiles {
		if pure.exists && !seen[i] {
			found = append(found, Violation{Path: pure.pattern, What: "is not there: if it was renamed, rename it in pureFiles"})
		}
	}
	return found
}

// pureIndex returns which of pureFiles names the file, -1 for none.
func pureIndex(f *File) int {
	if f.test {
		return -1
	}
	for i, pure := range pureFiles {
		if ok, _ := path.Match(pure.pattern, f.Path); ok {
			return i
		}
	}
	return -1
}

func (p *pkg) impure(f *File) []Violation {
	var found []Violation
	for _, spec := range f.ast.Imports {
		imported := importPath(spec)
		if why, ok := impureImports[imported]; ok {
			found = append(found, f.at(spec.Pos(), "imports %s: %s", imported, why))
		}
		if spec.Name != nil && spec.Name.Name == "." {
			found = append(found, f.at(spec.Pos(), "imports %s into its own names: this check cannot see what it uses", imported))
		}
	}
	for n := range ast.Preorder(f.ast) {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, f.at(n.Pos(), "starts a goroutine"))
		case *ast.SelectorExpr:
			imported, name, ok := p.named(n)
			if ok && slices.Contains(impureFuncs[imported].names, name) {
				found = append(found, f.at(n.Pos(), "uses %s.%s: %s", imported, name, impureFuncs[imported].why))
			}
		}
	}
	return found
}
