package conformance_test

import (
	"slices"
	"testing"

	"github.com/rota-go/rota/rotahttp/conformance"
)

func TestNamesOfCases(t *testing.T) {
	for _, proto := range []conformance.Protocol{conformance.HTTP1, conformance.HTTP1TLS, conformance.HTTP2, conformance.H2C} {
		names := conformance.Names(proto)
		for _, name := range names {
			if !conformance.Known(name) || !conformance.Known(proto.String()+"/"+name) {
				t.Errorf("%s/%s cannot be skipped", proto, name)
			}
		}
		slices.Sort(names)
		if n := len(slices.Compact(slices.Clone(names))); n != len(names) {
			t.Errorf("%s: of %d cases, %d have the name of another", proto, len(names), len(names)-n)
		}
		t.Logf("%s: %d cases", proto, len(names))
	}
}

func TestSkip(t *testing.T) {
	tests := []struct {
		key          string
		known, skips bool // HTTP2/conn/reuse
	}{
		{"conn/reuse", true, true},
		{"conn", true, true},
		{"HTTP2/conn/reuse", true, true},
		{"HTTP2/conn", true, true},
		{"HTTP1/conn/reuse", true, false},
		{"trace", true, false},
		{"HTTP2/upgrade/big", false, false}, // HTTP/2 has no such case
		{"conn/re", false, false},
		{"HTTP2", false, false},
		{"", false, false},
	}
	for _, test := range tests {
		p := conformance.Params{Skip: map[string]string{test.key: "a reason"}}
		if known := conformance.Known(test.key); known != test.known {
			t.Errorf("Known(%q) = %t, want %t", test.key, known, test.known)
		}
		if skips := p.Skips(conformance.HTTP2, "conn", "reuse"); skips != test.skips {
			t.Errorf("%q skips the case = %t, want %t", test.key, skips, test.skips)
		}
	}
}
