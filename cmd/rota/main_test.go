package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rota-go/rota/sim"
)

const small = `name: small
about: Two policies.
measure: 3s
loads: [0.5, 0.7]
services:
- {name: back, replicas: 3, server: {work: {exp: 5ms}}}
clients:
- {timeout: 1s}
policies: [rr, p2c]
published:
- {policy: p2c, load: 0.7, metric: latency_ms.p50, value: 10, fitted: true}
`

// rota runs the command with files in a new directory, which is the working directory.
func runRota(t *testing.T, files map[string]string, args ...string) (status int, out, errs string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return again(t.Context(), false, args...)
}

func again(ctx context.Context, watched bool, args ...string) (status int, out, errs string) {
	var stdout, stderr bytes.Buffer
	status = run(ctx, args, stdio{strings.NewReader(""), &stdout, &stderr, watched})
	return status, stdout.String(), stderr.String()
}

func TestStatusAndMessages(t *testing.T) {
	bad := strings.Replace(small, "policies: [rr, p2c]", "policies:\n- rr\n- {name: x, policy: {retry: {atempts: 3}, timeout: 3}}", 1)
	tests := []struct {
		name   string
		files  map[string]string
		args   []string
		status int
		errs   string // exact, unless it ends with …
	}{
		{"no command", nil, nil, 2, "rota makes services call each other well. Usage:\n…"},
		{"an unknown command", nil, []string{"smi"}, 2, "rota: unknown command \"smi\"; see rota help\n"},
		{"help", nil, []string{"help"}, 0, ""},
		{"version", nil, []string{"version"}, 0, ""},
		{"version of something", nil, []string{"version", "x"}, 2, "rota version: unexpected argument \"x\"\n"},
		{"help of a command", nil, []string{"help", "sim"}, 0, "rota sim [FLAGS] FILE... runs experiments, …"},
		{"help of none", nil, []string{"help", "smi"}, 2, "rota: unknown command \"smi\"; see rota help\n"},
		{"help of version", nil, []string{"help", "version"}, 0, "rota version says …"},
		{"a size that is none", nil, []string{"proxy", "-to=:1", "-buffer=3x"}, 2, "invalid value \"3x\" for flag -buffer: want a size such as 65536, …"},
		{"no file named", nil, []string{"sim"}, 2, "rota sim: want at least one FILE\n"},
		{"an unknown flag", nil, []string{"sim", "-x"}, 2, "flag provided but not defined: -x\n…"},
		{"the help of a command", nil, []string{"sim", "-h"}, 0, "rota sim [FLAGS] FILE... runs experiments, …"},
		{"one object of two files", nil, []string{"sim", "-json", "a", "b"}, 2, "rota sim: -json prints one object: want one FILE\n"},
		{"a load that is none", nil, []string{"sim", "a", "-load", "x"}, 2, "invalid value \"x\" for flag -load: want numbers with commas between\n…"},
		{"no such file", nil, []string{"sim", "none.yaml"}, 1, "open none.yaml: no such file or directory\n"},
		{"no YAML", map[string]string{"a.yaml": "a: [1\nb: 2\n"}, []string{"sim", "a.yaml"}, 1,
			"a.yaml:2: not YAML: did not find expected ',' or ']', while parsing a flow sequence that begins in line 1\n"},
		{"mistakes", map[string]string{"a.yaml": bad}, []string{"sim", "a.yaml"}, 1,
			"a.yaml:11: policies[1].policy.timeout: 3 has no unit, want a duration such as \"1.5s\" or \"20ms\"\n" +
				"a.yaml:11: policies[1].policy.retry.atempts: unknown key, did you mean attempts?\n"},
		{"a policy there is not", map[string]string{"a.yaml": small}, []string{"sim", "-policy", "rr,x", "a.yaml"}, 1, "a.yaml: no policy \"x\", there are [\"rr\" \"p2c\"]\n"},
		{"a load there is not", map[string]string{"a.yaml": small}, []string{"sim", "-load", "0.9", "a.yaml"}, 1, "a.yaml: no load 0.9, there are [0.5 0.7]\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, _, errs := runRota(t, test.files, test.args...)
			want, open := strings.CutSuffix(test.errs, "…")
			if status != test.status || open && !strings.HasPrefix(errs, want) || !open && errs != want {
				t.Errorf("rota %q = %d, %q, want %d, %q", test.args, status, errs, test.status, test.errs)
			}
			if names := written(t); len(names) != len(test.files) {
				t.Errorf("there are %q, want nothing new", names)
			}
		})
	}
}

func TestSimWritesTableJSONAndPage(t *testing.T) {
	status, out, errs := runRota(t, map[string]string{"e.yaml": small}, "sim", "-out", "o/p", "-seeds", "2", "e.yaml", "-seed=5")
	if status != 0 || errs != "" {
		t.Fatalf("rota sim = %d, %q", status, errs)
	}
	for _, want := range []string{"small (medians over seeds 5 to 6)\nTwo policies.\n\npolicy  load  p50 ms", "\np2c     0.7 ", "\npolicy  load  metric          paper", "fitted\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("stdout is\n%s\nwant %q in it", out, want)
		}
	}
	data, err := os.ReadFile("o/p/small.json")
	if err != nil {
		t.Fatal(err)
	}
	var r sim.Report
	if err := json.Unmarshal(data, &r); err != nil || len(r.Runs) != 4 || r.Seeds != 2 || r.Seed != 5 {
		t.Errorf("small.json has %d runs of %d seeds from %d, %v, want 4 of 2 from 5", len(r.Runs), r.Seeds, r.Seed, err)
	}
	if html, err := os.ReadFile("o/p/small.html"); err != nil || !bytes.Contains(html, []byte("- {name: back, replicas: 3,")) {
		t.Errorf("small.html does not have the file in it, %v", err)
	}
	if names := written(t); len(names) != 3 {
		t.Errorf("there are %q, want the file and two results", names)
	}
}

func TestSimJSONIsTheFileAndTheSameEveryTime(t *testing.T) {
	status, first, _ := runRota(t, map[string]string{"e.yaml": small}, "sim", "-json", "-procs", "1", "e.yaml")
	if names := written(t); status != 0 || len(names) != 1 {
		t.Fatalf("rota sim -json = %d, and there are %q, want no new files", status, names)
	}
	_, second, _ := again(t.Context(), false, "sim", "-json", "-procs", "4", "e.yaml")
	again(t.Context(), false, "sim", "e.yaml")
	file, err := os.ReadFile("small.json")
	if err != nil || first != second || first != string(file) {
		t.Errorf("-json twice and the file differ, %v", err)
	}
	if !strings.HasPrefix(first, "{\n  \"experiment\": \"small\",") {
		t.Errorf("-json begins with %.40q", first)
	}
}

func TestSimFilters(t *testing.T) {
	text := strings.Replace(small, "policies: [rr, p2c]", "policies: [rr, p2c, {name: \"rr, again\"}]", 1)
	tests := []struct {
		name string
		args []string
		want []string
	}{
		{"a policy and a load", []string{"-policy", "p2c", "-load", "0.7"}, []string{"p2c 0.7"}},
		{"two of each", []string{"-policy", "p2c, rr", "-load", "0.5, 0.7"}, []string{"rr 0.5", "rr 0.7", "p2c 0.5", "p2c 0.7"}},
		{"a name with a comma", []string{"-policy", "rr, again", "-load=0.5"}, []string{"rr, again 0.5"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, out, errs := runRota(t, map[string]string{"e.yaml": text}, append([]string{"sim", "-json", "e.yaml"}, test.args...)...)
			var r sim.Report
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatal(err, errs)
			}
			var got []string
			for _, row := range r.Runs {
				got = append(got, fmt.Sprint(row.Policy, " ", row.Load))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("it ran %q, want %q", got, test.want)
			}
		})
	}
}

func TestSimMarkdown(t *testing.T) {
	files := map[string]string{"a.yaml": small, "b.yaml": strings.Replace(small, "name: small", "name: second", 1)}
	_, out, _ := runRota(t, files, "sim", "-markdown", "a.yaml", "b.yaml")
	for _, want := range []string{"## small\n\nTwo policies.\n\nResults: seed 1.\n\n| policy | load |", "\n\n## second\n", "| p2c    | 0.7  | latency_ms.p50 |"} {
		if !strings.Contains(out, want) {
			t.Errorf("stdout is\n%s\nwant %q in it", out, want)
		}
	}
}

func TestSimGoesOnAfterABadFile(t *testing.T) {
	status, out, errs := runRota(t, map[string]string{"a.yaml": "", "b.yaml": small}, "sim", "a.yaml", "b.yaml")
	if status != 1 || errs != "a.yaml:1: the document is empty\n" || !strings.Contains(out, "small (seed 1)") {
		t.Errorf("rota sim = %d, %q, %q, want 1 and the results of the second", status, out, errs)
	}
}

func TestSimInterrupted(t *testing.T) {
	runRota(t, map[string]string{"e.yaml": small}, "version")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	status, out, errs := again(ctx, false, "sim", "e.yaml")
	if status != 130 || out != "" || errs != "rota sim: interrupted\n" || len(written(t)) != 1 {
		t.Errorf("rota sim = %d, %q, %q and files %q, want 130 and none", status, out, errs, written(t))
	}
}

func TestProgressIsForTerminals(t *testing.T) {
	runRota(t, map[string]string{"e.yaml": small}, "version")
	_, _, errs := again(t.Context(), true, "sim", "e.yaml")
	if !strings.Contains(errs, "\r\x1b[Ksmall: 4 of 4 runs, 0.0 million calls, about 0s left") || !strings.HasSuffix(errs, "\r\x1b[K") {
		t.Errorf("the terminal shows %q", errs)
	}
	if strings.Contains(errs, "\n") {
		t.Errorf("the terminal shows more than one line: %q", errs)
	}
}

func TestWriteFileKeepsTheOldOneUntilTheNewOneIsWhole(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a.json")
	for _, text := range []string{"old", "new"} {
		if err := writeFile(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := os.ReadFile(name)
	info, err := os.Stat(name)
	if err != nil || string(got) != "new" || info.Mode().Perm()&0o400 == 0 {
		t.Errorf("the file is %q, %v", got, err)
	}
	if err := writeFile(filepath.Join(name, "b"), nil); err == nil {
		t.Error("writeFile() below a file = nil, want an error")
	}
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(filepath.Join(dir, "d"), nil); err == nil {
		t.Error("writeFile() over a directory = nil, want an error")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".rota-*")); len(left) != 0 {
		t.Errorf("%q are left", left)
	}
}

// written are all files below the working directory.
func written(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
