package tree_test

import (
	"strings"
	"testing"

	"github.com/rota-go/rota/internal/tree"
)

func TestParseJSONKeepsLines(t *testing.T) {
	n := parse(t, "{\n  \"a\": [1,\n    \"two\"],\n\n  \"b\": {\"c\": null,\n \"d\"\n:\ntrue}}\n")
	tests := []struct {
		name string
		got  *tree.Node
		kind tree.Kind
		text string
		line int
	}{
		{"the document", n, tree.Map, "", 1},
		{"a list", n.Get("a"), tree.List, "", 2},
		{"its first", n.Get("a").Items[0], tree.Number, "1", 2},
		{"its second", n.Get("a").Items[1], tree.String, "two", 3},
		{"null", n.Get("b").Get("c"), tree.Null, "", 5},
		{"below its key", n.Get("b").Get("d"), tree.Bool, "true", 8},
	}
	for _, test := range tests {
		if g := test.got; g.Kind != test.kind || g.Text != test.text || g.Line != test.line {
			t.Errorf("%s: %v %q in line %d, want %v %q in line %d", test.name, g.Kind, g.Text, g.Line, test.kind, test.text, test.line)
		}
	}
	if got := n.Get("b").Fields[1].Line; got != 6 {
		t.Errorf("line of the key d = %d, want 6", got)
	}
	if n.Get("x").Get("y") != nil {
		t.Error("a key that is not there has a value")
	}
}

func TestParseJSONRefuses(t *testing.T) {
	tests := []struct{ name, doc, want string }{
		{"nothing", "", "line 1: the document ends too early"},
		{"half", "{\"a\":\n[1,", "line 2: the document ends too early"},
		{"a key twice", "{\"a\": 1,\n\n\"a\": 2}", `line 3: key "a" for the second time, first in line 1`},
		{"garbage after it", "{}\n\n{}", "line 3: more text after the end of the document"},
		{"a comma too many", "{\n\"a\": 1,\n}", "line 3: not JSON: invalid character '}'"},
		{"a word", "[1,\n oops]", "line 2: not JSON: invalid character 'o' looking for beginning of value"},
		{"not UTF-8", "[1,\n\"\xff\"]", "line 2: not UTF-8"},
		{"deep", strings.Repeat("[", 100) + strings.Repeat("]", 100), "line 1: more than 64 levels"},
		{"wide", "[" + strings.Repeat("0,", tree.MaxNodes) + "0]", "line 1: more than 200000 values"},
		{"large", `"` + strings.Repeat("x", tree.MaxBytes) + `"`, "4194306 bytes, want at most 4194304"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := tree.ParseJSON([]byte(test.doc)); err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("ParseJSON() = %v, want %s", err, test.want)
			}
		})
	}
}

func TestMerge(t *testing.T) {
	tests := []struct{ name, base, over, want string }{
		{"key by key", `{"a": {"b": 1, "c": 2}, "d": 3}`, `{"a": {"c": 4, "e": 5}}`, `{"a": {"b": 1, "c": 4, "e": 5}, "d": 3}`},
		{"a scalar over a mapping", `{"a": {"b": 1}}`, `{"a": null}`, `{"a": null}`},
		{"a mapping over a scalar", `{"a": "off"}`, `{"a": {"b": 1}}`, `{"a": {"b": 1}}`},
		{"nothing changes nothing", `{"a": {"b": 1}}`, `{"a": {}}`, `{"a": {"b": 1}}`},
		{"lists are replaced", `{"a": [1, 2]}`, `{"a": [3]}`, `{"a": [3]}`},
		{"what is whole is replaced", `{"whole": {"b": 1}}`, `{"whole": {"c": 2}}`, `{"whole": {"c": 2}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base := parse(t, test.base)
			if got := show(tree.Merge(base, parse(t, test.over), "whole")); got != show(parse(t, test.want)) {
				t.Errorf("Merge() = %s, want %s", got, test.want)
			}
			if got := show(base); got != show(parse(t, test.base)) {
				t.Errorf("Merge() made %s of the base %s", got, test.base)
			}
		})
	}
	n := parse(t, `{}`)
	if tree.Merge(nil, n) != n || tree.Merge(n, nil) != n {
		t.Error("Merge() with nil is not the other one")
	}
}

func TestWithLeavesTheOriginal(t *testing.T) {
	n := parse(t, `{"a": 1}`)
	if got := show(n.With("a", parse(t, `2`)).With("b", parse(t, `3`))); got != `{a:2 b:3}` {
		t.Errorf("With() = %s, want {a:2 b:3}", got)
	}
	if got := show(n); got != `{a:1}` {
		t.Errorf("the original is %s, want {a:1}", got)
	}
}

func TestKey(t *testing.T) {
	for field, want := range map[string]string{
		"Retry": "retry", "TryTimeout": "try_timeout", "RIF": "rif", "P50": "p50", "SD": "sd", "ID": "id",
		"MinPerSecond": "min_per_second", "RIFLimit": "rif_limit", "ProbeRIF": "probe_rif", "QRIF": "qrif", "Q": "q",
	} {
		if got := tree.Key(field); got != want {
			t.Errorf("Key(%s) = %s, want %s", field, got, want)
		}
	}
}

func TestUnknown(t *testing.T) {
	known := []string{"attempts", "try_timeout", "base", "max"}
	tests := []struct{ name, want string }{
		{"atempts", "unknown key, did you mean attempts?"},
		{"timeout", "unknown key, known: attempts, try_timeout, base, max"},
		{"try-timeout", "unknown key, did you mean try_timeout?"},
		{"abse", "unknown key, did you mean base?"},
		{"mx", "unknown key, did you mean max?"},
		{strings.Repeat("x", 1000), "unknown key, known: attempts, try_timeout, base, max"},
	}
	for _, test := range tests {
		if got := tree.Unknown("key", test.name, known); got != test.want {
			t.Errorf("Unknown(%.20s) = %q, want %q", test.name, got, test.want)
		}
	}
	if got := tree.Unknown("key", "a", nil); got != "unknown key, there are none" {
		t.Errorf("Unknown() of none = %q", got)
	}
}

// parse wants a document that is right.
func parse(t *testing.T, doc string) *tree.Node {
	t.Helper()
	n, err := tree.ParseJSON([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// show is a document without lines.
func show(n *tree.Node) string {
	var b strings.Builder
	var write func(n *tree.Node)
	write = func(n *tree.Node) {
		switch n.Kind {
		case tree.Map:
			for i, f := range n.Fields {
				b.WriteString(map[bool]string{true: "{", false: " "}[i == 0] + f.Key + ":")
				write(f.Value)
			}
			b.WriteString("}")
		case tree.List:
			for _, item := range n.Items {
				b.WriteString("[")
				write(item)
			}
			b.WriteString("]")
		default:
			b.WriteString(n.Text)
		}
	}
	write(n)
	return b.String()
}
