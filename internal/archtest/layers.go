package archtest

import "strings"

func checkLayers(t *Tree) []Violation {
	var found []Violation
	for _, p := range t.packages {
		from, group := layerOf(p.dir)
		if from < 0 {
			found = append(found, p.files[0].whole("directory %s is in no layer", p.dir))
			continue
		}
		for _, f := range p.files {
			for _, spec := range f.ast.Imports {
				imported := importPath(spec)
				dir, ok := t.ours(imported)
				if !ok {
					continue
				}
				to, toGroup := layerOf(dir)
				switch {
				case to < 0:
					found = append(found, f.at(spec.Pos(), "imports %s, which is in no layer", imported))
				case to < from, toGroup == group:
				case to == from:
					found = append(found, f.at(spec.Pos(), "%s imports %s: both in layer %q", group, toGroup, layers[to].name))
				default:
					found = append(found, f.at(spec.Pos(), "layer %q imports up: %s is in %q", layers[from].name, imported, layers[to].name))
				}
			}
		}
	}
	return found
}

// layerOf returns where in layers the directory is, and its group; -1 if nowhere.
func layerOf(dir string) (index int, group string) {
	for i, l := range layers {
		for _, g := range l.groups {
			if dir == g || strings.HasPrefix(dir, g+"/") {
				return i, g
			}
		}
	}
	return -1, ""
}
