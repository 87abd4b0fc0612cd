package file

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/resolve/internal/addr"
)

func TestParse(t *testing.T) {
	ab := []rota.Instance{{Addr: "a:1"}, {Addr: "b:2", Weight: 3, Priority: 1}}
	tests := []struct {
		name string
		in   string
		want []rota.Instance
	}{
		{"lines", "a:1\nb:2 weight=3 priority=1\n", ab},
		{"lines without an end", "a:1\nb:2 priority=1 weight=3", ab},
		{"CRLF", "a:1\r\nb:2 weight=3 priority=1\r\n", ab},
		{"BOM", "\ufeffa:1\nb:2 weight=3 priority=1\n", ab},
		{"comments and blank lines", "# users\n\n  a:1  # the first\n\t#\nb:2\tweight=3 priority=1 # weight=9\n", ab},
		{"the same again", "a:1\na:1\nb:2 weight=3 priority=1\na:1", ab},
		{"URL with a fragment", "https://a/v2#x\n", []rota.Instance{{Addr: "https://a/v2#x"}}},
		{"IPv6", "[::1]:80\n[fd00::1]:80", []rota.Instance{{Addr: "[::1]:80"}, {Addr: "[fd00::1]:80"}}},
		{"IPv6, a blank before", "\n [fd00::1]:80", []rota.Instance{{Addr: "[fd00::1]:80"}}},
		{"array", `["a:1", {"addr": "b:2", "weight": 3, "priority": 1}]`, ab},
		{"object", `{"instances": ["a:1", {"priority": 1, "weight": 3, "addr": "b:2"}]}`, ab},
		{"JSON with all that Windows adds", "\ufeff\r\n[\r\n\"a:1\",\r\n{\"addr\": \"b:2\", \"weight\": 3, \"priority\": 1}\r\n]\r\n", ab},
		{"JSON, the same again", `["a:1", "a:1", {"addr": "a:1"}]`, ab[:1]},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, err := parse("users", []byte(test.in)); err != nil || !slices.Equal(got, test.want) {
				t.Errorf("parse() = %+v, %v, want %+v", got, err, test.want)
			}
		})
	}
}

func TestParseNamesLineAndWish(t *testing.T) {
	var many strings.Builder
	for i := range maxInstances + 1 {
		fmt.Fprintf(&many, "a%d:1\n", i)
	}
	tests := []struct {
		name, in, want string
	}{
		{"empty", "", "users lists no instance"},
		{"only comments", "# nobody\n\n", "users lists no instance"},
		{"empty array", "[]", "users lists no instance"},
		{"empty object", "{}", "users lists no instance"},
		{"no port", "a:1\nb\n", `users:2: address "b", want host:port or a URL`},
		{"comma list", "a:1,b:2\n", `users:1: address "a:1,b:2", want host:port or a URL`},
		{"unknown word", "a:1 wieght=3", `users:1: "wieght=3" after the address, want weight=… or priority=…`},
		{"two addresses", "\na:1 b:2", `users:2: "b:2" after the address`},
		{"weight of nothing", "a:1 weight=0", `users:1: weight is "0", want a whole number of 1 to 1000000`},
		{"weight too large", "a:1 weight=1000001", `users:1: weight is "1000001"`},
		{"weight no number", "a:1 weight=x", `users:1: weight is "x"`},
		{"priority negative", "a:1 priority=-1", `users:1: priority is "-1", want a whole number of 0 to 65535`},
		{"weight twice", "a:1 weight=1 weight=1", "users:1: weight is given twice"},
		{"two opinions", "a:1\n\na:1 weight=2", "users:3: a:1 has another weight or priority on line 1, want one of the two"},
		{"too many", many.String(), "users:10001: more than 10000 instances"},
		{"not UTF-8", "a:1\n\xff\xfea", "users:2: not UTF-8"},
		{"binary", "\x7fELF\x02\x01\x01\x00\x00", "users:1: address "},

		{"unknown key", "{\n\"replicas\": []}", `users:2: unknown key "replicas", want "instances"`},
		{"instances twice", `{"instances": ["a:1"], "instances": []}`, "users:1: instances is given twice"},
		{"no array", "{\"instances\":\n\"a:1\"}", "users:2: instances is no array"},
		{"unknown key of an instance", "[\n{\"addr\": \"a:1\",\n\"wieght\": 1}]", `users:3: unknown key "wieght", want "addr", "weight" or "priority"`},
		{"no address in it", "[\n{\"weight\": 1}]", `users:2: an instance has no "addr"`},
		{"bad address", "[\"a:1\",\n\"b\"]", `users:2: address "b", want`},
		{"address of a number", `[{"addr": 1}]`, "users:1: addr is no string"},
		{"weight of a string", `[{"addr": "a:1", "weight": "1"}]`, "users:1: weight is no number"},
		{"weight of an array", `[{"addr": "a:1", "weight": [1]}]`, "users:1: weight is no number"},
		{"weight of a fraction", `[{"addr": "a:1", "weight": 1.5}]`, `users:1: weight is "1.5", want a whole number`},
		{"weight null", `[{"addr": "a:1", "weight": null}]`, "users:1: weight is no number"},
		{"address twice", `[{"addr": "a:1", "addr": "b:1"}]`, "users:1: addr is given twice"},
		{"number", "[\n\n null]", "users:3: <nil> is no address"},
		{"array in the array", "[[\"a:1\"]]", "users:1: an array in the array"},
		{"cut", "[\"a:1\",\n\"b:", "users:2: the JSON ends too early"},
		{"cut after a comma", "[\"a:1\",\n", "users:2: the JSON ends too early"},
		{"cut object", "{", "users:1: the JSON ends too early"},
		{"missing comma", "[\"a:1\"\n\"b:1\"]", "users:2: invalid character"},
		{"no JSON", "{\n instances: []}", "users:2: invalid character"},
		{"two documents", "[\"a:1\"]\n[\"b:1\"]", "users:2: more text after the end"},
		{"rest", "[\"a:1\"]]", "users:1: more text after the end"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parse("users", []byte(test.in))
			if err == nil || got != nil || !strings.HasPrefix(err.Error(), "file: "+test.want) {
				t.Errorf("parse() = %v, %v, want file: %s", got, err, test.want)
			}
		})
	}
}

// TestParsePrefixes: a file that is being written is never taken for a JSON that is complete.
func TestParsePrefixes(t *testing.T) {
	const whole = `{"instances": ["a:1", {"addr": "b:2", "weight": 3}]}`
	for n := range len(whole) {
		if got, err := parse("users", []byte(whole[:n])); err == nil {
			t.Errorf("parse(%q) = %v, want an error", whole[:n], got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"a:1\nb:2 weight=3 priority=1 # x\r\n", "\ufeff[::1]:80", `["a:1", {"addr": "b:2", "weight": 3}]`,
		`{"instances": [{"addr": "https://a/v2", "priority": 1}]}`, "[[[", "{\"instances\":", "a:1 weight=1 weight=1", "\xff",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		set, err := parse("users", in)
		if err != nil {
			if set != nil || !strings.HasPrefix(err.Error(), "file: users") {
				t.Errorf("parse(%q) = %v, %v", in, set, err)
			}
			return
		}
		seen := make(map[string]bool)
		var again strings.Builder
		for _, inst := range set {
			if addr.Check(inst.Addr) != nil || seen[inst.Addr] || inst.Weight < 0 || inst.Weight > maxWeight || inst.Priority < 0 || inst.Priority > maxPriority {
				t.Errorf("parse(%q): %+v", in, inst)
			}
			seen[inst.Addr] = true
			fmt.Fprintf(&again, "{\"addr\": %q, \"priority\": %d", inst.Addr, inst.Priority)
			if inst.Weight > 0 {
				fmt.Fprintf(&again, ", \"weight\": %d", inst.Weight)
			}
			again.WriteString("},")
		}
		// What was read, written as JSON, is read as the same.
		text := "[" + strings.TrimSuffix(again.String(), ",") + "]"
		if strings.ContainsAny(text, `\`) { // %q of Go is not JSON everywhere
			return
		}
		if got, err := parse("users", []byte(text)); err != nil || !slices.Equal(got, set) {
			t.Errorf("parse(%q) = %+v, but parse(%q) = %+v, %v", in, set, text, got, err)
		}
	})
}
