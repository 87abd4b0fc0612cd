package tree_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota/internal/tree"
)

type world struct {
	Name     string
	Seed     uint64
	Workers  int
	Small    int8
	Share    float64
	Bare     bool
	Warmup   time.Duration
	Loads    []float64
	Servers  map[string]server
	Retry    *retry
	Between  pair
	Many     []pair
	Kind     kind
	Wide     *pair
	Timeout  *time.Duration
	hidden   int
	Callback func()
	common
	Common
}

// common is embedded, but not exported; its fields are.
type common struct{ Zone string }

// Common is embedded.
type Common struct {
	MinPerSecond float64
	Name         int // hidden by the outer one
}

type server struct{ Queue int }

type retry struct {
	Attempts   int
	TryTimeout time.Duration
	Of         *retry
	Also       []retry
}

func (r *retry) Validate() error {
	if r.Attempts < 0 {
		return fmt.Errorf("rota: Retry.Attempts = %d, want >= 0", r.Attempts)
	}
	return nil
}

type pair struct{ From, To time.Duration }

func (p pair) Validate() error {
	if p.To < p.From {
		return errors.New("want it ascending")
	}
	return nil
}

// kind is written as a name, or as a mapping.
type kind struct {
	Name string
	Size int
}

func (k *kind) DecodeTree(n *tree.Node) error {
	if n.Kind == tree.String {
		k.Name = n.Text
		return nil
	}
	type plain kind
	return tree.Decode(n, (*plain)(k))
}

func TestDecode(t *testing.T) {
	second := time.Second
	tests := []struct {
		name, doc string
		want      world
	}{
		{"nothing", `{}`, world{}},
		{"scalars", `{"name": "e1", "seed": 18446744073709551615, "workers": -3, "share": 0.5, "bare": true, "warmup": "1m30s"}`,
			world{Name: "e1", Seed: 1<<64 - 1, Workers: -3, Share: 0.5, Bare: true, Warmup: 90 * time.Second}},
		{"whole numbers in other notations", `{"seed": 1e6, "workers": 2.0, "name": 17}`, world{Seed: 1e6, Workers: 2, Name: "17"}},
		{"zero needs no unit", `{"warmup": 0, "timeout": 0}`, world{Timeout: new(time.Duration)}},
		{"a pointer to a duration", `{"timeout": "1s"}`, world{Timeout: &second}},
		{"lists and mappings", `{"loads": [1, 0.5], "servers": {"a": {"queue": 3}, "b": {}}}`,
			world{Loads: []float64{1, 0.5}, Servers: map[string]server{"a": {3}, "b": {}}}},
		{"a part on", `{"retry": {}}`, world{Retry: &retry{}}},
		{"a part on, in a word", `{"retry": true}`, world{Retry: &retry{}}},
		{"a part off", `{"retry": "off"}`, world{}},
		{"a part off as null", `{"retry": null}`, world{}},
		{"a pair as a list", `{"between": ["1s", "2s"], "wide": [0, "1s"], "many": [[0, "1s"], {"to": "1s"}]}`,
			world{Between: pair{second, 2 * second}, Wide: &pair{0, second}, Many: []pair{{0, second}, {0, second}}}},
		{"embedded structs", `{"zone": "z", "min_per_second": 3, "name": "outer"}`,
			world{Name: "outer", common: common{Zone: "z"}, Common: Common{MinPerSecond: 3}}},
		{"a type that decodes itself", `{"kind": "ring"}`, world{Kind: kind{Name: "ring"}}},
		{"the same, the long way", `{"kind": {"name": "ring", "size": 7}}`, world{Kind: kind{Name: "ring", Size: 7}}},
		{"null is zero", `{"seed": null, "loads": null, "between": null, "warmup": null}`, world{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got world
			if err := tree.Decode(parse(t, test.doc), &got); err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("Decode() = %+v, %v, want %+v", got, err, test.want)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct{ name, doc, want string }{
		{"an unknown key", "{\n\"nmae\": 1}", "line 2: nmae: unknown key, did you mean name?"},
		{"an unknown key below", "{\"retry\":\n{\"atempts\":\n1}}", "line 2: retry.atempts: unknown key, did you mean attempts?"},
		{"nothing like a key", `{"retry": {"zzz": 1}}`, "line 1: retry.zzz: unknown key, known: attempts, try_timeout, of, also"},
		{"a field that is not exported", `{"hidden": 1}`, "line 1: hidden: unknown key, known: " +
			"name, seed, workers, small, share, bare, warmup, loads, servers, retry, between, many, kind, wide, timeout, zone, min_per_second"},
		{"a duration without a unit", `{"warmup": 3}`, `line 1: warmup: 3 has no unit, want a duration such as "1.5s" or "20ms"`},
		{"no duration", `{"warmup": "soon"}`, `line 1: warmup: "soon", want a duration such as "1.5s" or "20ms"`},
		{"a list for a duration", `{"warmup": []}`, `line 1: warmup: a list, want a duration such as "1.5s" or "20ms"`},
		{"a fraction", `{"workers": 1.5}`, "line 1: workers: 1.5, want a whole number of at most 64 bits"},
		{"a number that does not fit", `{"small": 128}`, "line 1: small: 128, want a whole number of at most 8 bits"},
		{"a number that no float holds exactly", `{"workers": 1e300}`, "line 1: workers: 1e300, want a whole number of at most 64 bits"},
		{"a negative seed", `{"seed": -1}`, "line 1: seed: -1, want a whole number from 0, of at most 64 bits"},
		{"a large float", `{"share": 1e999}`, "line 1: share: 1e999, want a number"},
		{"a number as a string", `{"workers": "3"}`, `line 1: workers: "3", want a whole number of at most 64 bits`},
		{"a bool as a number", `{"bare": 1}`, "line 1: bare: 1, want true or false"},
		{"a bool as a string", `{"name": true}`, "line 1: name: true, want a string"},
		{"no list", `{"loads": 1}`, "line 1: loads: 1, want a list"},
		{"no mapping", `{"servers": [1]}`, "line 1: servers: a list, want a mapping"},
		{"no struct", `{"retry": 3}`, "line 1: retry: 3, want a mapping"},
		{"half a pair", `{"between": ["1s"]}`, "line 1: between: 1 values, want from, to"},
		{"a list for what is no pair", `{"retry": [3, "1s", {}, []]}`, "line 1: retry: a list, want a mapping"},
		{"in a list", "{\"also\": 1,\n\"retry\": {\"also\": [{},\n{\"of\": {\"attempts\": \"x\"}}]}}", "line 1: also: unknown key, known: " +
			"name, seed, workers, small, share, bare, warmup, loads, servers, retry, between, many, kind, wide, timeout, zone, min_per_second\n" +
			`line 3: retry.also[1].of.attempts: "x", want a whole number of at most 64 bits`},
		{"in a mapping", `{"servers": {"a": {"queue": "x"}}}`, `line 1: servers.a.queue: "x", want a whole number of at most 64 bits`},
		{"in a type that decodes itself", "{\"kind\":\n{\"name\": \"a\",\n\"sise\": 1}}", "line 3: kind.sise: unknown key, did you mean size?"},
		{"what a type says of a field", "{\"retry\": {\n\"attempts\":\n-1}}", "line 2: retry.attempts: -1, want >= 0"},
		{"what a type says of itself", "{\"many\": [[0, 0],\n[\"2s\", \"1s\"]]}", "line 2: many[1]: want it ascending"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var w world
			err := tree.Decode(parse(t, test.doc), &w)
			if fmt.Sprint(err) != test.want {
				t.Errorf("Decode() = %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestDecodeTellsAllErrorsButNotTooMany(t *testing.T) {
	var doc strings.Builder
	doc.WriteString("{")
	for i := range 12 {
		fmt.Fprintf(&doc, "\"unknown_%d\": 1,\n", i)
	}
	doc.WriteString(`"seed": -1}`)
	all := tree.All(tree.Decode(parse(t, doc.String()), &world{}))
	if len(all) != 11 || all[0].Line != 1 || all[9].Line != 10 || all[10].Error() != "and 3 more errors" {
		t.Errorf("Decode() = %v, want ten of 13 errors in the order of lines", all)
	}
}

func TestDecodeLeavesWhatItShares(t *testing.T) {
	shared := &retry{Attempts: 3}
	w := world{Retry: shared, Name: "before", hidden: 1}
	if err := tree.Decode(parse(t, `{"retry": {"try_timeout": "1s"}}`), &w); err != nil {
		t.Fatal(err)
	}
	want := world{Retry: &retry{Attempts: 3, TryTimeout: time.Second}, Name: "before", hidden: 1}
	if !reflect.DeepEqual(w, want) || shared.TryTimeout != 0 {
		t.Errorf("Decode() = %+v, and what it was given is %+v", w.Retry, shared)
	}
}

func TestDecodeWantsAPointer(t *testing.T) {
	for _, into := range []any{nil, world{}, (*world)(nil)} {
		if err := tree.Decode(nil, into); err == nil {
			t.Errorf("Decode(nil, %T) = nil, want an error", into)
		}
	}
	var w world
	if err := tree.Decode(nil, &w); err != nil {
		t.Errorf("Decode of nothing = %v", err)
	}
}

func TestErrorfFindsTheDeepestPart(t *testing.T) {
	n := parse(t, "{\n\"a\": [1,\n{\"b\":\n2}]}")
	for path, want := range map[string]int{"": 1, "a": 2, "a[0]": 2, "a[1]": 3, "a[1].b": 3, "a[1].b.c": 3, "a[7].b": 2, "a[x]": 2, "z.y": 1} {
		if got := n.Errorf(path, "bad").Line; got != want {
			t.Errorf("Errorf(%q) is in line %d, want %d", path, got, want)
		}
	}
	var none *tree.Node
	if got := none.Errorf("a.b", "bad").Error(); got != "a.b: bad" {
		t.Errorf("Errorf() without a document = %q", got)
	}
}

func FuzzParseJSON(f *testing.F) {
	for _, doc := range []string{
		`{}`, `[1, "a", null, true, {"b": [[]]}]`, "{\"a\":\n1, \"a\": 2}", `{"name": 1e9, "loads": [1, 2]}`,
		`{"retry": {"also": [{"of": "off"}]}, "between": ["1s", "2s"], "kind": "x", "servers": {"": {}}}`, "\"\xff", `{"retry":`,
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		n, err := tree.ParseJSON(doc)
		if err != nil {
			if all := tree.All(err); len(all) != 1 {
				t.Errorf("ParseJSON() = %v, want one error", err)
			}
			return
		}
		if n.Line < 1 || n.Line > 1+strings.Count(string(doc), "\n") {
			t.Errorf("the document begins in line %d of %q", n.Line, doc)
		}
		var a, b world
		first, second := tree.Decode(n, &a), tree.Decode(n, &b)
		if fmt.Sprint(first) != fmt.Sprint(second) || first == nil && !reflect.DeepEqual(a, b) {
			t.Errorf("Decode() twice: %v and %v", first, second)
		}
		for _, e := range tree.All(first) {
			if e.Line < 1 && !strings.HasPrefix(e.Error(), "and ") {
				t.Errorf("%v has no line", e)
			}
		}
	})
}
