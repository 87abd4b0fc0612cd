package archtest_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rota-go/rota/internal/archtest"
)

// files are sources by path; a case's files are laid over clean.
type files map[string]string

// clean breaks no rule, and comes close to breaking several.
var clean = files{
	"go.mod":          "module example.org/rota\n\ngo 1.26 // require nothing\n",
	"go.work":         "go 1.26\n\nuse (\n\t.\n\t./rotaprom // metrics\n)\nuse ./bench\n",
	"doc.go":          "// Package rota calls.\npackage rota\n",
	"call.go":         "package rota\n",
	"cluster.go":      "package rota\n\nimport \"example.org/rota/internal/rate\"\n\nvar _ rate.Limit\n",
	"node.go":         "package rota\n\nimport \"time\"\n\nfunc age(now, then time.Time) time.Duration { return now.Sub(then) }\n",
	"plan.go":         "package rota\n\nimport \"math/rand/v2\"\n\nvar _ = rand.New(rand.NewPCG(1, 2)).Uint64()\n",
	"balance.go":      "package rota\n\nfunc f(time clock) { time.Now() }\n\ntype clock struct{}\n\nfunc (clock) Now() {}\n",
	"roundrobin.go":   "package rota\n",
	"p2c.go":          "package rota\n",
	"policy.go":       "package rota\n",
	"do.go":           "package rota\n\nimport \"time\"\n\nfunc g() { go time.Sleep(1) }\n",
	"plan_test.go":    "package rota\n\nimport (\n\t\"context\"\n\t\"time\"\n)\n\nvar _, sink = context.Background(), time.Now()\n\nfunc h() { sink = time.Now() }\n",
	"sync_test.go":    "package rota_test\n\nimport (\n\t\"testing/synctest\"\n\t\"time\"\n)\n\nfunc h() { synctest.Test(nil, nil); time.Sleep(1) }\n",
	"testdata/bad.go": "not Go",
	".git/bad.go":     "not Go",
	"_old/bad.go":     "not Go",

	"internal/rate/rate.go":      "// Package rate limits.\npackage rate\n\nimport _ \"example.org/rota/internal/window\"\n\ntype Limit int\n",
	"internal/window/window.go":  "// Package window counts.\npackage window\n",
	"rotahttp/http.go":           "// Package rotahttp sends.\npackage rotahttp\n\nimport _ \"example.org/rota\"\n",
	"rotahttp/rotatest/tests.go": "// Package rotatest fakes.\npackage rotatest\n\nimport _ \"example.org/rota/rotahttp\"\n",
	"rotaprom/go.mod":            "module example.org/rota/rotaprom\n\nrequire example.com/prometheus v1.0.0\n",
	"rotaprom/prom.go":           "// Package rotaprom collects.\npackage rotaprom\n\nimport (\n\t_ \"example.com/prometheus\"\n\t_ \"example.org/rota\"\n)\n",
	"bench/go.mod":               "module example.org/rota/bench\n",
	"bench/only_test.go":         "package bench\n\nimport _ \"example.org/rota/rotaprom\"\n",
	"cmd/x/main.go":              "// Command x runs.\npackage main\n",
}

func TestRulesPassCleanSource(t *testing.T) {
	for rule, got := range violations(t, clean, nil) {
		t.Errorf("%s: %q, want none", rule, got)
	}
}

func TestRulesCatch(t *testing.T) {
	long := "package rota\n" + strings.Repeat("\n", 500)
	tests := []struct {
		name  string
		files files
		rule  string
		want  []string // each violation starts with it
	}{
		// Layers.
		{"internal imports the root", files{"internal/rate/b.go": "package rate\nimport \"example.org/rota\"\n"},
			"layers", []string{`internal/rate/b.go:2: layer "internal" imports up: example.org/rota is in "root"`}},
		{"a test imports up", files{"up_test.go": "package rota_test\nimport _ \"example.org/rota/rotahttp\"\n"},
			"layers", []string{`up_test.go:2: layer "root" imports up`}},
		{"the root imports rotahttp's part", files{"do2.go": "package rota\nimport _ \"example.org/rota/rotahttp/rotatest\"\n"},
			"layers", []string{`do2.go:2: layer "root" imports up`}},
		{"an adapter imports another", files{"sim/sim.go": "// Package sim runs.\npackage sim\nimport _ \"example.org/rota/rotaprom\"\n"},
			"layers", []string{`sim/sim.go:3: sim imports rotaprom: both in layer`}},
		{"an adapter imports a program", files{"rotaprom/b.go": "package rotaprom\nimport _ \"example.org/rota/stringsvc\"\n"},
			"layers", []string{`rotaprom/b.go:2: layer "adapters, resolve, sim" imports up`}},
		{"a directory in no layer", files{"util/util.go": "// Package util helps.\npackage util\n"},
			"layers", []string{"util/util.go: directory util is in no layer"}},
		{"an import of no layer", files{"do2.go": "package rota\nimport _ \"example.org/rota/util\"\n"},
			"layers", []string{"do2.go:2: imports example.org/rota/util, which is in no layer"}},

		// Modules.
		{"the root requires", files{"go.mod": "module example.org/rota\nrequire example.com/a v1.0.0\n"},
			"foreign modules", []string{"go.mod:2: require example.com/a v1.0.0"}},
		{"the root requires in blocks", files{"go.mod": "module example.org/rota\nrequire (\n\ta.com/a v1.0.0\n\tb.com/b v1.0.0 // indirect\n)\ntool a.com/a\n"},
			"foreign modules", []string{"go.mod:3: require a.com/a", "go.mod:4: require b.com/b", "go.mod:6: tool a.com/a"}},
		{"the root imports a foreign module", files{"do2.go": "package rota\nimport \"golang.org/x/sync/errgroup\"\n"},
			"foreign modules", []string{"do2.go:2: imports golang.org/x/sync/errgroup in the root module"}},
		{"a test of the root module does", files{"rotahttp/a_test.go": "package rotahttp\nimport \"example.com/assert\"\n"},
			"foreign modules", []string{"rotahttp/a_test.go:2: imports example.com/assert in the root module"}},
		{"a module not in go.work", files{"go.work": "use .\nuse ./bench\n"},
			"modules", []string{"go.work: does not use ./rotaprom"}},
		{"a module with another path", files{"bench/go.mod": "module example.org/bench\n"},
			"modules", []string{"bench/go.mod: module example.org/bench, want example.org/rota/bench"}},

		// Purity.
		{"a clock", files{"node.go": "package rota\nimport \"time\"\nvar start = time.Now()\nvar since = time.Since\n"},
			"pure files", []string{"node.go:3: uses time.Now", "node.go:4: uses time.Since"}},
		{"a clock under another name", files{"internal/window/b.go": "package window\nimport clock \"time\"\nvar _ = clock.NewTimer(1)\n"},
			"pure files", []string{"internal/window/b.go:3: uses time.NewTimer"}},
		{"a clock into its own names", files{"node.go": "package rota\nimport . \"time\"\nvar _ = Now()\n"},
			"pure files", []string{"node.go:2: imports time into its own names"}},
		{"a goroutine", files{"plan.go": "package rota\nfunc f2() {\n\tgo f2()\n}\n"},
			"pure files", []string{"plan.go:3: starts a goroutine"}},
		{"forbidden imports", files{"p2c.go": "package rota\nimport (\n\t\"context\"\n\t\"log/slog\"\n\t\"net/http\"\n\t\"os\"\n\t\"math/rand\"\n)\n"},
			"pure files", []string{"p2c.go:3: imports context", "p2c.go:4: imports log/slog", "p2c.go:5: imports net/http", "p2c.go:6: imports os", "p2c.go:7: imports math/rand"}},
		{"the process's randomness", files{"p2c.go": "package rota\nimport \"math/rand/v2\"\nvar _ = rand.Uint64()\nvar _ = rand.N[int](3)\n"},
			"pure files", []string{"p2c.go:3: uses math/rand/v2.Uint64", "p2c.go:4: uses math/rand/v2.N"}},
		{"an optional file that is there", files{"budget.go": "package rota\nimport \"time\"\nvar _ = time.Tick\n"},
			"pure files", []string{"budget.go:3: uses time.Tick"}},
		{"a file that is gone", files{"p2c.go": ""},
			"pure files", []string{"p2c.go: is not there"}},

		// Style.
		{"no doc comment", files{"sim/sim.go": "package sim\n"},
			"one doc comment", []string{"sim/sim.go: package sim has no doc comment"}},
		{"a comment that is not the package's", files{"sim/sim.go": "// Package sim runs.\n\npackage sim\n"},
			"one doc comment", []string{"sim/sim.go: package sim has no doc comment"}},
		{"a command without one", files{"cmd/x/main.go": "package main\n"},
			"one doc comment", []string{"cmd/x/main.go: package main has no doc comment"}},
		{"two doc comments", files{"p2c.go": "// Package rota picks.\npackage rota\n"},
			"one doc comment", []string{"doc.go:2: one of 2", "p2c.go:2: one of 2"}},
		{"a doc comment of something else", files{"doc.go": "// This package calls.\npackage rota\n"},
			"one doc comment", []string{`doc.go:1: doc comment does not start with "Package rota"`}},
		{"a long file", files{"do2.go": long, "do_test.go": long},
			"file size", []string{"do2.go: 501 lines, want at most 500", "do_test.go: 501 lines"}},
		{"init", files{"do2.go": "package rota\ntype T struct{}\nfunc (T) init() {}\nfunc init() {}\n"},
			"no init", []string{"do2.go:4: func init"}},
		{"a sleep in a test", files{"a_test.go": "package rota\nimport \"time\"\nfunc f2() { time.Sleep(1) }\n"},
			"no sleep in tests", []string{"a_test.go:3: time.Sleep"}},

		// State.
		{"registries", files{"do2.go": "package rota\nimport \"sync\"\nvar a = map[string]int{}\nvar b map[string]int\nvar c = make(map[string]int)\nvar d sync.Map\n"},
			"no package state", []string{"do2.go:3: var a is an empty map", "do2.go:4: var b", "do2.go:5: var c", "do2.go:6: var d is a sync.Map"}},
		{"locks and counters", files{"do2.go": "package rota\nimport (\n\t\"sync\"\n\t\"sync/atomic\"\n)\nvar a sync.Mutex\nvar b = &sync.Once{}\nvar c = new(atomic.Int64)\nvar d atomic.Pointer[int]\n"},
			"no package state", []string{"do2.go:6: var a is a sync.Mutex", "do2.go:7: var b", "do2.go:8: var c is a sync/atomic.Int64", "do2.go:9: var d"}},
		{"writes", files{
			"do2.go": "package rota\nvar n int\nvar table = map[string]int{\"a\": 1}\nvar s struct{ a []int }\nvar p = &s\n",
			"do3.go": "package rota\nfunc f2() {\n\tn = 1\n\ttable[\"b\"]++\n\tdelete(table, \"a\")\n\ts.a[0] = 1\n\t(*p).a = nil\n\tfor n = range 3 {\n\t}\n}\n",
		}, "no package state", []string{"do3.go:3: changes package-level var n", "do3.go:4: changes package-level var table", "do3.go:5:", "do3.go:6:", "do3.go:7:", "do3.go:8:"}},
		{"no writes: tables, pools and locals", files{"do2.go": "package rota\nimport \"sync\"\nvar n int\nvar table = map[string]int{\"a\": 1}\nvar pool sync.Pool\n" +
			"func f2(table map[string]int) {\n\tn := 1\n\tn++\n\ttable[\"b\"] = n\n\tdelete := func(int) {}\n\tdelete(n)\n}\n"},
			"no package state", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := violations(t, clean, test.files)[test.rule]
			if !slices.EqualFunc(got, test.want, strings.HasPrefix) {
				t.Errorf("%s:\n got %q\nwant %q", test.rule, got, test.want)
			}
		})
	}
	for _, rule := range archtest.Rules() {
		tested := false
		for _, test := range tests {
			tested = tested || test.rule == rule.Name && len(test.want) > 0
		}
		if !tested || rule.Reason == "" {
			t.Errorf("rule %q: caught by a case: %v, reason %q, want both", rule.Name, tested, rule.Reason)
		}
	}
}

func TestLoadFails(t *testing.T) {
	tests := []struct {
		name  string
		files files
		want  string
	}{
		{"no module", files{"a.go": "package a\n"}, "archtest: no go.mod at the root"},
		{"not Go", files{"go.mod": "module a\n", "x/a.go": "package\n"}, "archtest: x/a.go:1:9: expected 'IDENT'"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := archtest.Load(test.files.fs()); err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("Load() = %v, want %s", err, test.want)
			}
		})
	}
}

// violations checks base with changes laid over it, by the rule's name; an empty change removes the file.
func violations(t *testing.T, base, changes files) map[string][]string {
	t.Helper()
	all := maps.Clone(base)
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_, src string) bool { return src == "" })
	tree, err := archtest.Load(all.fs())
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string][]string)
	for _, rule := range archtest.Rules() {
		for _, v := range rule.Check(tree) {
			found[rule.Name] = append(found[rule.Name], v.String())
		}
	}
	return found
}

func (f files) fs() fstest.MapFS {
	m := make(fstest.MapFS)
	for name, src := range f {
		m[name] = &fstest.MapFile{Data: []byte(src)}
	}
	return m
}
