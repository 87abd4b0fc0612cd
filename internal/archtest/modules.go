package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// addModule reads the lines of a go.mod that matter here: module, require and tool, alone or in a block.
func (t *Tree) addModule(name string, src []byte) {
	m := module{dir: path.Dir(name)}
	for _, d := range directives(src) {
		switch d.verb {
		case "module":
			m.path = strings.Trim(d.rest, `"`)
		case "require", "tool":
			m.requires = append(m.requires, require{d.line, d.verb + " " + d.rest})
		}
	}
	if m.dir == "." {
		t.rootModule = m.path
	}
	t.modules = append(t.modules, m)
}

func (t *Tree) addWorkspace(src []byte) {
	for _, d := range directives(src) {
		if d.verb == "use" {
			t.workspace = append(t.workspace, path.Clean(strings.Trim(d.rest, `"`)))
		}
	}
}

// directive is one line of a go.mod or go.work, a block's verb repeated for each of its lines.
type directive struct {
	line       int
	verb, rest string
}

func directives(src []byte) []directive {
	var found []directive
	block := ""
	n := 0
	for line := range strings.Lines(string(src)) {
		n++
		line, _, _ = strings.Cut(line, "//")
		line = strings.TrimSpace(line)
		verb, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "":
		case block != "" && line == ")":
			block = ""
		case block != "":
			found = append(found, directive{n, block, line})
		case strings.TrimSpace(rest) == "(":
			block = verb
		default:
			found = append(found, directive{n, verb, strings.TrimSpace(rest)})
		}
	}
	return found
}

func checkModules(t *Tree) []Violation {
	var found []Violation
	for _, m := range t.modules {
		file := path.Join(m.dir, "go.mod")
		if want := path.Join(t.rootModule, m.dir); m.path != want {
			found = append(found, Violation{Path: file, What: fmt.Sprintf("module %s, want %s, the path of its directory", m.path, want)})
		}
		if !slices.Contains(t.workspace, m.dir) {
			found = append(found, Violation{Path: "go.work", What: fmt.Sprintf("does not use ./%s", m.dir)})
		}
	}
	return found
}

func checkForeign(t *Tree) []Violation {
	var found []Violation
	for _, m := range t.modules {
		if m.dir != "." {
			continue
		}
		for _, r := range m.requires {
			found = append(found, Violation{Path: "go.mod", Line: r.line, What: r.text})
		}
	}
	for _, p := range t.packages {
		if t.moduleOf(p.dir) != "." {
			continue
		}
		for _, f := range p.files {
			for _, spec := range f.ast.Imports {
				if imported := importPath(spec); t.foreign(imported) {
					found = append(found, f.at(spec.Pos(), "imports %s in the root module", imported))
				}
			}
		}
	}
	return found
}

// moduleOf returns the directory of the module that dir is in.
func (t *Tree) moduleOf(dir string) string {
	for ; dir != "."; dir = path.Dir(dir) {
		if slices.ContainsFunc(t.modules, func(m module) bool { return m.dir == dir }) {
			return dir
		}
	}
	return "."
}

// ours returns the directory of an import path of this repository.
func (t *Tree) ours(imported string) (dir string, ok bool) {
	if imported == t.rootModule {
		return ".", true
	}
	return strings.CutPrefix(imported, t.rootModule+"/")
}

// foreign says whether an import is neither ours nor the standard library's, whose first element has no dot.
func (t *Tree) foreign(imported string) bool {
	if _, ok := t.ours(imported); ok {
		return false
	}
	first, _, _ := strings.Cut(imported, "/")
	return strings.Contains(first, ".")
}
