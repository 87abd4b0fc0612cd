package main

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rota-go/rota/cmd/rota/internal/doctor"
)

const (
	wellPolicy = "timeout: 1s\nretry: {}\nbreaker: {}\n"
	poor       = "timeout: 1s\nretry: {try_timeout: 2s}\nbreaker: {ratio: 1}\n" // an error and a warning
)

func TestDoctorStatusAndMessages(t *testing.T) {
	files := map[string]string{"well.yaml": wellPolicy, "poor.yaml": poor, "warn.json": `{"timeout": "1s", "breaker": {"ratio": 1}}`, "bad.yaml": "retry: {}\nretyr: {}\n"}
	tests := []struct {
		name      string
		args      []string
		status    int
		out, errs string // exact, unless it ends with …
	}{
		{"nothing to say", []string{"well.yaml"}, 0, "0 errors, 0 warnings\n", ""},
		{"an error", []string{"poor.yaml"}, 1, "error poor.yaml:2: retry.try_timeout (try-timeout-never-cuts)\n    The call is over before…", ""},
		{"a warning", []string{"warn.json"}, 0, "warning warn.json:1: breaker.ratio (breaker-ratio)\n" +
			"    A replica that answers now and then has neither that share of failures nor many in a row.\n" +
			"    so:  one that fails 99 % of its calls stays in use\n    fix: ratio: 0.5\n\n0 errors, 1 warning\n", ""},
		{"which is not shown, but counted", []string{"-severity", "error", "warn.json"}, 0, "0 errors, 1 warning\n", ""},
		{"several files", []string{"well.yaml", "-severity=error", "poor.yaml", "warn.json"}, 1, "error poor.yaml:2: retry.try_timeout…", ""},
		{"a file that is wrong", []string{"bad.yaml", "well.yaml"}, 1, "0 errors, 0 warnings\n", "bad.yaml:2: retyr: unknown key, did you mean retry?\n"},
		{"no such file", []string{"none.yaml"}, 1, "0 errors, 0 warnings\n", "open none.yaml: no such file or directory\n"},
		{"an empty standard input", []string{"-"}, 1, "0 errors, 0 warnings\n", "stdin:1: the document is empty\n"},
		{"the rules", []string{"-rules"}, 0, "invalid                     error    a value that a Policy does not take\nunbounded-call …", ""},
		{"no file", nil, 2, "", "rota doctor: want at least one FILE\n"},
		{"rules of a file", []string{"-rules", "well.yaml"}, 2, "", "rota doctor: -rules looks at no file: want no FILE\n"},
		{"a severity that is none", []string{"-severity", "bad", "well.yaml"}, 2, "", "rota doctor: -severity bad: want error, warning or info\n"},
		{"an unknown flag", []string{"-x"}, 2, "", "flag provided but not defined: -x\n…"},
		{"help", []string{"-h"}, 0, "", "rota doctor [FLAGS] FILE... finds mistakes in policies…"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, out, errs := runRota(t, files, append([]string{"doctor"}, test.args...)...)
			if status != test.status || !matches(out, test.out) || !matches(errs, test.errs) {
				t.Errorf("rota doctor %q = %d, %q, %q, want %d, %q, %q", test.args, status, out, errs, test.status, test.out, test.errs)
			}
		})
	}
}

// matches reports whether got is what is wanted, or begins so if that ends with ….
func matches(got, want string) bool {
	begin, open := strings.CutSuffix(want, "…")
	return got == want || open && strings.HasPrefix(got, begin)
}

func TestDoctorJSON(t *testing.T) {
	status, out, _ := runRota(t, map[string]string{"poor.yaml": poor, "well.yaml": wellPolicy}, "doctor", "-json", "poor.yaml", "well.yaml")
	var d diagnosis
	if err := json.Unmarshal([]byte(out), &d); err != nil || status != 1 || d.Errors != 1 || d.Warnings != 1 || len(d.Findings) != 2 {
		t.Fatalf("rota doctor -json = %d, %v, %+v, want 1 and two findings", status, err, d)
	}
	f := d.Findings[1]
	if f.File != "poor.yaml" || f.Line != 3 || f.Severity != doctor.Warning || f.Rule != "breaker-ratio" || f.Field != "breaker.ratio" || f.Number == "" || f.Fix == "" {
		t.Errorf("the second finding is %+v", f)
	}
	if _, out, _ = again(t.Context(), false, "doctor", "-json", "well.yaml"); out != "{\n  \"findings\": [],\n  \"errors\": 0,\n  \"warnings\": 0\n}\n" {
		t.Errorf("rota doctor -json of a good file prints %s", out)
	}
	var listed struct{ Rules []doctor.Rule }
	_, out, _ = again(t.Context(), false, "doctor", "-json", "-rules", "-severity", "error")
	if err := json.Unmarshal([]byte(out), &listed); err != nil || len(listed.Rules) == 0 || listed.Rules[0] != doctor.Rules()[0] {
		t.Errorf("rota doctor -json -rules prints %v, %v", listed, err)
	}
	for _, r := range listed.Rules {
		if r.Severity != doctor.Error {
			t.Errorf("-severity error lists %+v", r)
		}
	}
}

func TestDoctorReadsTheStandardInput(t *testing.T) {
	var out, errs bytes.Buffer
	status := run(t.Context(), []string{"doctor", "-"}, stdio{strings.NewReader(poor), &out, &errs, false})
	if status != 1 || !strings.HasPrefix(out.String(), "error stdin:2: retry.try_timeout") {
		t.Errorf("rota doctor - = %d, %q, %q", status, out.String(), errs.String())
	}
}

// TestDoctorDocument runs what docs/DOCTOR.md shows.
func TestDoctorDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/DOCTOR.md")
	if err != nil {
		t.Fatal(err)
	}
	file := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(text)
	shown := regexp.MustCompile("(?s)```\n\\$ rota doctor users.yaml\n(.*?)```").FindSubmatch(text)
	if file == nil || shown == nil {
		t.Fatal("docs/DOCTOR.md shows no file, or not what is found in it")
	}
	status, out, errs := runRota(t, map[string]string{"users.yaml": string(file[1])}, "doctor", "users.yaml")
	if status != 1 || out != string(shown[1]) {
		t.Errorf("rota doctor = %d, %q and\n%s\nwant 1 and\n%s", status, errs, out, shown[1])
	}
}
