package archtest

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// checkState finds package-level variables that are there to be changed, and functions that change one. Tests are left
// out: a benchmark needs a sink.
func checkState(t *Tree) []Violation {
	var found []Violation
	for _, p := range t.packages {
		for _, f := range p.files {
			if f.test {
				continue
			}
			for _, d := range f.ast.Decls {
				switch d := d.(type) {
				case *ast.GenDecl:
					found = append(found, p.stateVars(f, d)...)
				case *ast.FuncDecl:
					if d.Body != nil {
						found = append(found, p.stateWrites(f, d.Body)...)
					}
				}
			}
		}
	}
	return found
}

// stateVars finds variables whose type or first value says that they will change.
func (p *pkg) stateVars(f *File, d *ast.GenDecl) []Violation {
	if d.Tok != token.VAR {
		return nil
	}
	var found []Violation
	for _, spec := range d.Specs {
		spec := spec.(*ast.ValueSpec)
		for i, name := range spec.Names {
			var value ast.Expr
			if i < len(spec.Values) {
				value = spec.Values[i]
			}
			if what := p.stateOf(spec.Type, value); what != "" {
				found = append(found, f.at(name.Pos(), "var %s is %s", name.Name, what))
			}
		}
	}
	return found
}

// stateOf says why a variable of that type and first value is state; both may be nil. "" = it may be a constant in all but
// name, such as a table of words.
func (p *pkg) stateOf(typ, value ast.Expr) string {
	switch v := value.(type) {
	case *ast.CompositeLit:
		if typ == nil {
			typ = v.Type
		}
		if _, ok := typ.(*ast.MapType); ok && len(v.Elts) == 0 {
			return "an empty map, a registry"
		}
	case *ast.UnaryExpr: // &sync.Mutex{}
		if lit, ok := v.X.(*ast.CompositeLit); ok && typ == nil {
			typ = lit.Type
		}
	case *ast.CallExpr: // make(map[…]…), new(sync.Mutex)
		if fn, ok := v.Fun.(*ast.Ident); ok && len(v.Args) > 0 && p.builtin(fn, "make", "new") {
			if _, ok := v.Args[0].(*ast.MapType); ok {
				return "an empty map, a registry"
			}
			typ = v.Args[0]
		}
	case nil:
		if _, ok := typ.(*ast.MapType); ok {
			return "an empty map, a registry"
		}
	}
	if index, ok := typ.(*ast.IndexExpr); ok { // atomic.Pointer[T]
		typ = index.X
	}
	if sel, ok := typ.(*ast.SelectorExpr); ok {
		if imported, name, ok := p.named(sel); ok && slices.Contains(stateTypes[imported], name) {
			return "a " + imported + "." + name
		}
	}
	return ""
}

// stateWrites finds what a function assigns to a package-level variable, or to a part of one.
func (p *pkg) stateWrites(f *File, body *ast.BlockStmt) []Violation {
	var found []Violation
	write := func(targets ...ast.Expr) {
		for _, target := range targets {
			if id := rootOf(target); id != nil && p.packageVar(id) {
				found = append(found, f.at(target.Pos(), "changes package-level var %s", id.Name))
			}
		}
	}
	for n := range ast.Preorder(body) {
		switch n := n.(type) {
		case *ast.AssignStmt:
			write(n.Lhs...) // with := too: what it defines is no package-level variable
		case *ast.IncDecStmt:
			write(n.X)
		case *ast.RangeStmt:
			write(n.Key, n.Value)
		case *ast.CallExpr:
			if fn, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && p.builtin(fn, "delete", "clear") {
				write(n.Args[0])
			}
		}
	}
	return found
}

// rootOf returns a of a, a.b, a[i], *a and what is built of these; nil for anything else.
func rootOf(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

func (p *pkg) packageVar(id *ast.Ident) bool {
	v, ok := p.uses[id].(*types.Var)
	return ok && v.Parent() == p.scope
}

func (p *pkg) builtin(id *ast.Ident, names ...string) bool {
	_, ok := p.uses[id].(*types.Builtin)
	return ok && slices.Contains(names, id.Name)
}
