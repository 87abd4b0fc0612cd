package stringsvc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rota-go/rota/stringsvc"
	"github.com/rota-go/rota/stringsvc/logfmt"
)

func ExampleLogging() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == "n" || a.Key == "method" || a.Key == "input" {
				return a
			}
			return slog.Attr{} // what differs from run to run
		},
	}))
	service := stringsvc.Logging(logger)(stringsvc.NewLocal())
	service.Count(context.Background(), "hello")
	// Output: method=count input=hello n=5
}

func TestLogLines(t *testing.T) {
	long := strings.Repeat("x", 63)
	tests := []struct {
		name   string
		method string
		input  string
		output string // of a service that is not the local one
		err    error
		want   string
	}{
		{name: "uppercase", input: "hello", want: `method=uppercase input=hello output=HELLO err=null`},
		{name: "count", method: "count", input: "hello", want: `method=count input=hello n=5`},
		{name: "business error", input: "", want: `method=uppercase input= output= err="empty string"`},
		{name: "other error", input: "a", err: errors.New("no\nreplica"), want: `method=uppercase input=a output= err="no\nreplica"`},
		{name: "spaces", input: "hello, world", want: `method=uppercase input="hello, world" output="HELLO, WORLD" err=null`},
		{name: "count of nothing", method: "count", want: `method=count input= n=0`},
		{name: "forged line", method: "count", input: "x\ntime=2026-11-22T21:04:00.123Z method=count input=y n=1 took=1ms",
			want: `method=count input="x\ntime=2026-11-22T21:04:00.123Z method=count input=y n=1 took=1m" n=65`},
		{name: "forged keys", input: `" err=null`, want: `method=uppercase input="\" err=null" output="\" ERR=NULL" err=null`},
		{name: "forged by a replica", input: "a", output: "A\r\nmethod=x", want: `method=uppercase input=a output="A\r\nmethod=x" err=null`},
		{name: "line separators", method: "count", input: "\u0085\u2028", want: `method=count input="\u0085\u2028" n=5`},
		{name: "not UTF-8", method: "count", input: "\xff", want: `method=count input="\xff" n=1`},
		{name: "64 bytes are whole", method: "count", input: long + "y", want: `method=count input=` + long + `y n=64`},
		{name: "65 are cut", method: "count", input: long + "yz", want: `method=count input=` + long + `y n=65`},
		{name: "not inside a character", method: "count", input: long + "é", want: `method=count input=` + long + ` n=65`},
		{name: "nor a long one", method: "count", input: long[2:] + "😀😀", want: `method=count input=` + long[2:] + ` n=69`},
		{name: "no character to split", method: "count", input: strings.Repeat("\x80", 70), want: `method=count input="` + strings.Repeat(`\x80`, 64) + `" n=70`},
		{name: "output is cut too", input: "a", output: long + "yz", want: `method=uppercase input=a output=` + long + `y err=null`},
	}
	line := regexp.MustCompile(`^time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(?:Z|[+-]\d\d:\d\d) (.*) took=[0-9.]+(?:ns|µs|ms|s)\n$`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			next := fake{}
			if tt.output != "" || tt.err != nil {
				next.uppercase = func(context.Context, string) (string, error) { return tt.output, tt.err }
			}
			service := stringsvc.Logging(slog.New(logfmt.NewHandler(&out)))(next)
			if tt.method == "count" {
				service.Count(t.Context(), tt.input)
			} else {
				_, err := service.Uppercase(t.Context(), tt.input)
				if tt.err != nil && err != tt.err {
					t.Errorf("Uppercase() = %v, want %v", err, tt.err)
				}
			}
			match := line.FindStringSubmatch(out.String())
			if match == nil {
				t.Fatalf("%q is no call line", out.String())
			}
			if match[1] != tt.want {
				t.Errorf("logged %s, want %s", match[1], tt.want)
			}
		})
	}
}

func TestLoggingPassesContextAndAnswers(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "v")
	check := func(ctx context.Context) {
		t.Helper()
		if ctx.Value(key{}) != "v" {
			t.Error("the context got lost")
		}
	}
	service := stringsvc.Logging(slog.New(logfmt.NewHandler(io.Discard)))(fake{
		uppercase: func(ctx context.Context, s string) (string, error) { check(ctx); return s + "!", nil },
		count:     func(ctx context.Context, s string) int { check(ctx); return 7 },
	})
	if v, err := service.Uppercase(ctx, "a"); v != "a!" || err != nil {
		t.Errorf("Uppercase() = %q, %v, want a!, nil", v, err)
	}
	if n := service.Count(ctx, "a"); n != 7 {
		t.Errorf("Count() = %d, want 7", n)
	}
}

func BenchmarkLogging(b *testing.B) {
	w := logfmt.NewWriter(io.Discard)
	defer w.Close()
	service := stringsvc.Logging(slog.New(logfmt.NewHandler(w)))(fake{
		uppercase: func(context.Context, string) (string, error) { return "HELLO", nil },
	})
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = service.Uppercase(ctx, "hello")
	}
}
