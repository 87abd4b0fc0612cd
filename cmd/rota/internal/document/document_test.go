package document_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rota-go/rota/cmd/rota/internal/document"
	"github.com/rota-go/rota/internal/tree"
)

func TestParseYAML(t *testing.T) {
	tests := []struct{ name, doc, want string }{
		{"block style", "a: 1\nb:\n  c: x\n  d:\n  - 2\n  - {e: f}\n", `1{a=1 1, b=2{c=3"x", d=4[5 2, 6{e=6"f"}]}}`},
		{"scalars", "[on, off, yes, true, False, ~, null, 0x10, 1_000, 1e6, 0o17, 2001-01-01, 5ms, \"1\"]",
			`1[1"on", 1"off", 1"yes", 1 true, 1 false, 1 null, 1 null, 1 16, 1 1000, 1 1e6, 1 15, 1"2001-01-01", 1"5ms", 1"1"]`},
		{"aliases have the line where they were written", "a: &x\n  b: 1\nc: *x\n", `1{a=1{b=2 1}, c=3{b=2 1}}`},
		{"merge keys", "a: &x\n  b: 1\n  c: 2\nd:\n  <<: *x\n  c: 3\n", `1{a=1{b=2 1, c=3 2}, d=4{c=6 3, b=2 1}}`},
		{"several of them, the first wins", "- &x {a: 1}\n- &y {a: 2, b: 3}\n- <<: [*x, *y]\n", `1[1{a=1 1}, 2{a=2 2, b=2 3}, 3{a=1 1, b=2 3}]`},
		{"JSON is YAML", `{"a": [1, "b"]}`, `1{a=1[1 1, 1"b"]}`},
		{"text of several lines", "a: |\n  x\n  y\nb: 1\n", `1{a=1"x\ny\n", b=4 1}`},
		{"numbers that do not fit stay", "[18446744073709551615, 99999999999999999999]", "1[1 18446744073709551615, 1 99999999999999999999]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n, err := document.ParseYAML([]byte(test.doc))
			if err != nil {
				t.Fatal(err)
			}
			if got := show(n); got != test.want {
				t.Errorf("ParseYAML() = %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestParseYAMLRefuses(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 9; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	tests := []struct{ name, doc, want string }{
		{"nothing", "# only a comment\n", "line 1: the document is empty"},
		{"a key twice", "a: 1\nb: 2\na: 3\n", `line 3: key "a" for the second time, first in line 1`},
		{"a bracket open", "a: 1\nb: [1,\nc: 2\n d", "line 4: not YAML: did not find expected ',' or ']', while parsing a flow sequence that begins in line 2"},
		{"a tab", "a:\n\tb: 1\n", "line 2: not YAML: "},
		{"an alias of nothing", "a: 1\nb: *x\n", "line 2: not YAML: unknown anchor 'x' referenced"},
		{"an alias of itself", "a: &x\n- *x\n", "line 1: more than 64 levels"},
		{"aliases of aliases of aliases", bomb, "line "},
		{"two documents", "a: 1\n---\nb: 2\n", "line 2: a second document, want one in a file"},
		{"a tag", "a: !env HOME\n", "line 1: the tag !env has no meaning here"},
		{"a mapping as a key", "a: 1\n{b: c}: 2\n", "line 2: want a plain key"},
		{"a merge of a number", "a: 1\n<<: 3\n", "line 2: << wants a mapping, or a list of mappings"},
		{"deep", strings.Repeat("[", 70) + strings.Repeat("]", 70), "line 1: more than 64 levels"},
		{"large", strings.Repeat("#", tree.MaxBytes+1), "4194305 bytes, want at most 4194304"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := document.ParseYAML([]byte(test.doc)); err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("ParseYAML() = %v, want %s", err, test.want)
			}
		})
	}
}

func TestReadChoosesTheSyntax(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"a.yaml", "a: 1", "<nil>"},
		{"a.yml", "a: [", "a.yml:1: not YAML: did not find expected node content, while parsing a flow node that begins in line 1"},
		{"a.json", "a: 1", "a.json:1: not JSON: invalid character 'a' looking for beginning of value"},
		{"a.json", "\ufeff{\"a\": 1}", "<nil>"},
		{"json", "\n {\"a\" 1}", "json:2: not JSON: invalid character '1' after object key"},
		{"yaml", "a: 1\na: 2", `yaml:2: key "a" for the second time, first in line 1`},
		{"large", strings.Repeat(" ", tree.MaxBytes+1), "large: more than 4194304 bytes"},
	}
	t.Chdir(t.TempDir())
	for _, test := range tests {
		if err := os.WriteFile(test.name, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := document.Read(test.name); fmt.Sprint(err) != test.want {
			t.Errorf("Read(%s) of %.20q = %v, want %s", test.name, test.text, err, test.want)
		}
	}
	if _, _, err := document.Read(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Errorf("Read() of no file = %v", err)
	}
}

func FuzzParseYAML(f *testing.F) {
	for _, doc := range []string{"a: &x [1, *x]", "<<: {a: b}\nc: |\n  d", "- 1\n- {a: 0x1}", `{"a": [null, true]}`, "a: *b", "---\n...\n---"} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		n, err := document.ParseYAML(doc)
		if err != nil {
			return
		}
		if n.Line < 1 || n.Line > 1+strings.Count(strings.NewReplacer("\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(string(doc)), "\n") {
			t.Errorf("the document begins in line %d of %q", n.Line, doc)
		}
		if json.Valid(doc) {
			if _, err := tree.ParseJSON(doc); err != nil && !strings.Contains(err.Error(), "second time") {
				t.Errorf("ParseJSON() = %v of what is YAML and JSON", err)
			}
		}
	})
}

// show is a document in one line, with the line of every value.
func show(n *tree.Node) string {
	var parts []string
	switch n.Kind {
	case tree.Map:
		for _, f := range n.Fields {
			parts = append(parts, fmt.Sprintf("%s=%s", f.Key, show(f.Value)))
			if f.Line != f.Value.Line && f.Value.Kind != tree.Map && f.Value.Kind != tree.List {
				parts = append(parts, fmt.Sprintf("!key in line %d", f.Line))
			}
		}
		return fmt.Sprintf("%d{%s}", n.Line, strings.Join(parts, ", "))
	case tree.List:
		for _, item := range n.Items {
			parts = append(parts, show(item))
		}
		return fmt.Sprintf("%d[%s]", n.Line, strings.Join(parts, ", "))
	case tree.String:
		return fmt.Sprintf("%d%q", n.Line, n.Text)
	case tree.Null:
		return fmt.Sprintf("%d null", n.Line)
	}
	return fmt.Sprintf("%d %s", n.Line, n.Text)
}
