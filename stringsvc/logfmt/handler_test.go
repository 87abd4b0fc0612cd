package logfmt_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/rota-go/rota/stringsvc/logfmt"
)

func ExampleNewHandler() {
	logger := slog.New(logfmt.NewHandler(os.Stdout))
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "", 0) // without time, to show the rest
	r.Add("method", "uppercase", "input", "hello, world", "output", "", "err", nil, "took", 1616400*time.Nanosecond)
	_ = logger.Handler().Handle(context.Background(), r)
	// Output: method=uppercase input="hello, world" output= err=null took=1.6164ms
}

// at is a time whose milliseconds end in zeros, which must be printed.
var at = time.Date(2026, 11, 22, 21, 4, 0, 120_000_000, time.UTC)

func TestHandle(t *testing.T) {
	tests := []struct {
		name  string
		level slog.Level
		msg   string
		attrs []slog.Attr
		want  string
	}{
		{name: "call line has no level and no msg", attrs: []slog.Attr{slog.Int("n", 5)}, want: "n=5"},
		{name: "no level either when it is high", level: slog.LevelError, attrs: []slog.Attr{slog.Int("n", 5)}, want: "n=5"},
		{name: "msg without level", msg: "HTTP", attrs: []slog.Attr{slog.String("addr", ":8090")}, want: "msg=HTTP addr=:8090"},
		{name: "warnings show their level", level: slog.LevelWarn, msg: "full", want: "level=WARN msg=full"},
		{name: "so do errors", level: slog.LevelError + 1, msg: "a b", want: `level=ERROR+1 msg="a b"`},
		{name: "nothing but time"},
		{name: "kinds", attrs: []slog.Attr{
			slog.Int64("i", -1), slog.Uint64("u", 1<<63), slog.Float64("f", 0.5), slog.Bool("b", true),
			slog.Duration("d", 1616400*time.Nanosecond), slog.Time("t", at), slog.Any("nil", nil),
			slog.Any("err", errors.New("empty string")), slog.Any("bytes", []byte("x y")), slog.Any("list", []int{1, 2}),
			slog.Any("ip", textual{"::1"}),
		}, want: `i=-1 u=9223372036854775808 f=0.5 b=true d=1.6164ms t=2026-11-22T21:04:00.120Z nil=null err="empty string" bytes="x y" list="[1 2]" ip=::1`},
		{name: "microseconds have their sign", attrs: []slog.Attr{slog.Duration("took", 2100)}, want: "took=2.1µs"},
		{name: "empty value", attrs: []slog.Attr{slog.String("a", ""), slog.String("b", "c")}, want: "a= b=c"},
		{name: "empty key", attrs: []slog.Attr{slog.String("", "x")}, want: "_=x"},
		{name: "empty attribute", attrs: []slog.Attr{{}, slog.Int("n", 5)}, want: "n=5"},
		{name: "keys are cleaned", attrs: []slog.Attr{slog.Int("a b=\"c\nd\x7f\u0085\u2028\xff", 1)}, want: "a_b__c_d____=1"},
		{name: "groups", attrs: []slog.Attr{slog.Group("g h", slog.Int("a", 1), slog.Group("", slog.Int("b", 2)), slog.Group("none"))}, want: "g_h.a=1 g_h.b=2"},
		{name: "late values", attrs: []slog.Attr{slog.Any("v", late{slog.GroupValue(slog.Any("w", late{slog.StringValue("x")}))})}, want: "v.w=x"},
		{name: "a method that panics", attrs: []slog.Attr{slog.Any("e", bomb{})}, want: `e="!PANIC: boom"`},
		{name: "a nil pointer with methods", attrs: []slog.Attr{slog.Any("e", (*bomb)(nil))}, want: "e=null"},
		{name: "year 10000", attrs: []slog.Attr{slog.Time("t", at.AddDate(7974, 0, 0))}, want: `t="10000-11-22 21:04:00.12 +0000 UTC"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := slog.NewRecord(at, tt.level, tt.msg, 0)
			r.AddAttrs(tt.attrs...)
			var out bytes.Buffer
			if err := logfmt.NewHandler(&out).Handle(t.Context(), r); err != nil {
				t.Fatalf("Handle() = %v", err)
			}
			want := strings.TrimSpace("time=2026-11-22T21:04:00.120Z "+tt.want) + "\n"
			if got := out.String(); got != want {
				t.Errorf("Handle() wrote\n%s, want\n%s", got, want)
			}
		})
	}
}

func TestValuesAreQuotedOnlyWhenNeeded(t *testing.T) {
	for value, want := range map[string]string{
		"hello":                             "hello",
		"naïve-Größe-数":                     "naïve-Größe-数",
		`back\slash'tick`:                   `back\slash'tick`,
		"[http://127.0.0.1:8080/uppercase]": "[http://127.0.0.1:8080/uppercase]",
		"\ufffd":                            "\ufffd",
		"null":                              "null",
		"a b":                               `"a b"`,
		"a=b":                               `"a=b"`,
		`a"b`:                               `"a\"b"`,
		"a\nb":                              `"a\nb"`,
		"\x00":                              `"\x00"`,
		"\x7f":                              `"\x7f"`,
		"\u0085":                            `"\u0085"`,
		"\u2028\u2029":                      `"\u2028\u2029"`,
		"\u202e":                            `"\u202e"`,
		"\xff":                              `"\xff"`,
		"x\nmethod=uppercase input=forged":  `"x\nmethod=uppercase input=forged"`,
		`x" err=null took=1ms y="`:          `"x\" err=null took=1ms y=\""`,
	} {
		r := slog.NewRecord(time.Time{}, slog.LevelInfo, "", 0)
		r.Add("v", value)
		var out bytes.Buffer
		_ = logfmt.NewHandler(&out).Handle(t.Context(), r)
		if got := out.String(); got != "v="+want+"\n" {
			t.Errorf("Handle(%q) wrote %q, want %q", value, got, "v="+want+"\n")
		}
	}
}

// TestSlog runs the tests every slog.Handler has to pass.
func TestSlog(t *testing.T) {
	var out bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		out.Reset()
		return logfmt.NewHandler(&out)
	}, func(t *testing.T) map[string]any {
		pairs, err := parse(out.String())
		if err != nil {
			t.Fatalf("%v in %q", err, out.String())
		}
		tree := map[string]any{slog.LevelKey: "INFO"} // which is what no level means
		for _, p := range pairs {
			names := strings.Split(p.key, ".")
			node := tree
			for _, name := range names[:len(names)-1] {
				if node[name] == nil {
					node[name] = map[string]any{}
				}
				node = node[name].(map[string]any)
			}
			node[names[len(names)-1]] = p.value
		}
		return tree
	})
}

func TestSiblingLoggersShareNothing(t *testing.T) {
	var out bytes.Buffer
	parent := logfmt.NewHandler(&out).WithAttrs([]slog.Attr{slog.Int("a", 1), slog.Int("b", 2)})
	left := parent.WithAttrs([]slog.Attr{slog.Int("left", 1)})
	right := parent.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("right", 1)})
	for _, h := range []slog.Handler{left, right, parent, parent.WithGroup("")} {
		_ = h.Handle(t.Context(), slog.NewRecord(time.Time{}, slog.LevelInfo, "", 0))
	}
	want := "a=1 b=2 left=1\na=1 b=2 g.right=1\na=1 b=2\na=1 b=2\n"
	if got := out.String(); got != want {
		t.Errorf("wrote\n%s, want\n%s", got, want)
	}
}

func TestConcurrentRecordsStayWhole(t *testing.T) {
	var out bytes.Buffer
	w := logfmt.NewWriter(&out)
	logger := slog.New(logfmt.NewHandler(w))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				logger.With("a", "b").WithGroup("g").Info("m", "input", strings.Repeat("x", 40), "err", nil)
			}
		})
	}
	wg.Wait()
	if err := w.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 8*500 {
		t.Errorf("%d lines, want %d", len(lines), 8*500)
	}
	for _, line := range lines {
		_, rest, _ := strings.Cut(line, " ")
		if want := "msg=m a=b g.input=" + strings.Repeat("x", 40) + " g.err=null"; rest != want {
			t.Fatalf("line %q, want %q", rest, want)
		}
	}
}

func TestDebugIsOff(t *testing.T) {
	if logfmt.NewHandler(io.Discard).Enabled(t.Context(), slog.LevelDebug) {
		t.Error("Enabled(DEBUG) = true, want false")
	}
}

func BenchmarkHandle(b *testing.B) {
	w := logfmt.NewWriter(io.Discard)
	defer w.Close()
	h := logfmt.NewHandler(w)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		r := slog.NewRecord(now, slog.LevelInfo, "", 0)
		r.AddAttrs(slog.String("method", "uppercase"), slog.String("input", "hello"), slog.String("output", "HELLO"),
			slog.Any("err", nil), slog.Duration("took", 1616400))
		_ = h.Handle(b.Context(), r)
	}
}

// textual prints itself by MarshalText.
type textual struct{ s string }

func (t textual) MarshalText() ([]byte, error) { return []byte(t.s), nil }

// late has its value only when asked.
type late struct{ v slog.Value }

func (l late) LogValue() slog.Value { return l.v }

// bomb panics when printed.
type bomb struct{}

func (bomb) Error() string { panic("boom") }
