package conformance

import "testing"

// Check runs one case, "group/case", with any testing.TB.
func Check(tb testing.TB, p Params, proto Protocol, name string) {
	for _, g := range groups() {
		for _, c := range g.cases {
			if g.name+"/"+c.name == name && c.on.has(proto) {
				c.check(tb, &p, newKeys(tb), proto)
				return
			}
		}
	}
	tb.Fatalf("there is no case %s for %s", name, proto)
}

// Names returns those of all cases of a protocol, "group/case".
func Names(proto Protocol) (names []string) {
	for _, g := range groups() {
		for _, c := range g.cases {
			if c.on.has(proto) {
				names = append(names, g.name+"/"+c.name)
			}
		}
	}
	return names
}

// Known reports whether Params.Skip may have the name.
func Known(name string) bool { return known(name) }

// Skips reports whether p leaves a case out.
func (p Params) Skips(proto Protocol, group, name string) bool {
	_, ok := p.skips(proto, group, name)
	return ok
}
