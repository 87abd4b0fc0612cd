package logfmt_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rota-go/rota/stringsvc/logfmt"
)

// FuzzHandle checks that whatever is logged, a record is one line, and that
// the line gives the values back.
func FuzzHandle(f *testing.F) {
	for _, s := range []string{
		"", "hello", "null", "a b", "a=b", `a"b`, `\`, `"`, "a\nb", "\r", "\x00", "\x7f", "\u0085", "\u2028", "\u202e",
		"\xff", "\ufffd", "é", "\xc3", "日本語", `x" err=null y="`, "x\ntime=2026-11-22T21:04:00.120Z method=count",
	} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		r := slog.NewRecord(at, slog.LevelInfo, value, 0)
		r.AddAttrs(slog.String("v", value), slog.String(key, "k"), slog.Any("err", fmt.Errorf("%s", value)), slog.Int("last", 1))
		var out bytes.Buffer
		if err := logfmt.NewHandler(&out).Handle(t.Context(), r); err != nil {
			t.Fatalf("Handle() = %v", err)
		}
		line, ok := strings.CutSuffix(out.String(), "\n")
		if !ok || strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }) {
			t.Fatalf("%q is not one line", out.String())
		}
		if !utf8.ValidString(line) {
			t.Fatalf("%q is not UTF-8", line)
		}
		pairs, err := parse(line)
		if err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		want := []pair{{"time", "2026-11-22T21:04:00.120Z"}, {"msg", value}, {"v", value}, {"?", "k"}, {"err", value}, {"last", "1"}}
		if value == "" {
			want = append(want[:1], want[2:]...) // no message, no msg
		}
		if len(pairs) != len(want) {
			t.Fatalf("%d pairs in %q, want %d", len(pairs), line, len(want))
		}
		for i, w := range want {
			if got := pairs[i]; got != w && !(w.key == "?" && got.value == w.value) {
				t.Errorf("pair %d of %q is %q, want %q", i, line, got, w)
			}
		}
	})
}

type pair struct{ key, value string }

// parse reads one line of logfmt.
func parse(line string) ([]pair, error) {
	var pairs []pair
	for line = strings.TrimSuffix(line, "\n"); line != ""; {
		key, rest, ok := strings.Cut(line, "=")
		if !ok || key == "" || strings.ContainsAny(key, " \"") {
			return nil, fmt.Errorf("no key at %q", line)
		}
		value, err := strconv.QuotedPrefix(rest)
		if err == nil && value[0] == '"' {
			rest = rest[len(value):]
			if value, err = strconv.Unquote(value); err != nil {
				return nil, err
			}
		} else {
			value, _, _ = strings.Cut(rest, " ")
			rest = rest[len(value):]
			if strings.ContainsAny(value, `="`) {
				return nil, fmt.Errorf("bare value %q", value)
			}
		}
		pairs = append(pairs, pair{key, value})
		if line, ok = strings.CutPrefix(rest, " "); !ok && rest != "" {
			return nil, fmt.Errorf("no space at %q", rest)
		}
	}
	return pairs, nil
}
