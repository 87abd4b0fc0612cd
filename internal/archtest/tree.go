package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Tree is the source of the repository, all modules of it, parsed. It does not change.
type Tree struct {
	rootModule string // the path in the root's go.mod
	modules    []module
	workspace  []string // directories that go.work uses, clean
	packages   []*pkg
}

// module is one go.mod.
type module struct {
	dir, path string
	requires  []require
}

// require is one line of a go.mod that brings a module in.
type require struct {
	line int
	text string
}

// pkg is one package clause's worth of files: an external test package is one of its own.
type pkg struct {
	dir, name string
	files     []*File

	// What go/types says with nothing imported: enough to know which identifier is a package and which a local.
	uses  map[*ast.Ident]types.Object
	scope *types.Scope
}

// File is one Go source file.
type File struct {
	Path string // from the root of the repository, with slashes

	test  bool
	lines int
	fset  *token.FileSet
	ast   *ast.File
}

// Load reads every Go file, go.mod and the go.work below the root of fsys, without running or resolving anything.
// As the go command does it leaves out testdata, vendor and names that start with a dot or an underscore.
func Load(fsys fs.FS) (*Tree, error) {
	t := &Tree{}
	byName := make(map[string]*pkg)
	fset := token.NewFileSet()
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case name != "." && (base[0] == '.' || base[0] == '_' || base == "testdata" || base == "vendor"):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir(), base != "go.mod" && base != "go.work" && path.Ext(base) != ".go":
			return nil
		}
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		switch path.Base(name) {
		case "go.mod":
			t.addModule(name, src)
			return nil
		case "go.work":
			t.addWorkspace(src)
			return nil
		}
		return addFile(byName, t, fset, name, src)
	})
	if err != nil {
		return nil, fmt.Errorf("archtest: %w", err)
	}
	if t.rootModule == "" {
		return nil, fmt.Errorf("archtest: no go.mod at the root")
	}
	for _, p := range t.packages {
		p.resolve(fset)
	}
	return t, nil
}

func addFile(byName map[string]*pkg, t *Tree, fset *token.FileSet, name string, src []byte) error {
	parsed, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	key := path.Dir(name) + " " + parsed.Name.Name
	p := byName[key]
	if p == nil {
		p = &pkg{dir: path.Dir(name), name: parsed.Name.Name}
		byName[key] = p
		t.packages = append(t.packages, p)
	}
	p.files = append(p.files, &File{
		Path:  name,
		test:  strings.HasSuffix(name, "_test.go"),
		lines: bytes.Count(src, []byte("\n")),
		fset:  fset,
		ast:   parsed,
	})
	return nil
}

// resolve finds out what the identifiers of the package mean. Imports are left empty, so most of what go/types says is an
// error about them; scopes are right all the same.
func (p *pkg) resolve(fset *token.FileSet) {
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object)}
	config := types.Config{Importer: emptyImporter{}, Error: func(error) {}}
	files := make([]*ast.File, len(p.files))
	for i, f := range p.files {
		files[i] = f.ast
	}
	checked, _ := config.Check(p.dir, fset, files, info)
	p.uses, p.scope = info.Uses, checked.Scope()
}

// emptyImporter gives every import a package with nothing in it.
type emptyImporter struct{}

var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

func (emptyImporter) Import(importPath string) (*types.Package, error) {
	name := path.Base(importPath)
	if majorVersion.MatchString(name) {
		name = path.Base(path.Dir(importPath))
	}
	p := types.NewPackage(importPath, name)
	p.MarkComplete()
	return p, nil
}

// named returns the import path and name if sel is pkg.Name of an imported package.
func (p *pkg) named(sel *ast.SelectorExpr) (importPath, name string, ok bool) {
	id, ok := sel.X.(*ast.Ident)
	if !ok {
		return "", "", false
	}
	imported, ok := p.uses[id].(*types.PkgName)
	if !ok {
		return "", "", false
	}
	return imported.Imported().Path(), sel.Sel.Name, true
}

// importPath returns what the import names.
func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		panic(err) // the parser accepts no other literal
	}
	return p
}

// imports says whether the file imports the path.
func (f *File) imports(p string) bool {
	for _, spec := range f.ast.Imports {
		if importPath(spec) == p {
			return true
		}
	}
	return false
}
