package stringsvc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rota-go/rota/stringsvc"
	"github.com/rota-go/rota/stringsvc/logfmt"
)

func ExampleNewHandler() {
	server := httptest.NewServer(stringsvc.NewHandler(stringsvc.HandlerParams{Service: stringsvc.NewLocal()}))
	defer server.Close()
	for _, body := range []string{`{"s":"hello"}`, `{"s":""}`, `{"s":5}`} {
		resp, err := http.Post(server.URL+"/uppercase", "", strings.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return
		}
		reply, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		fmt.Printf("%d %s", resp.StatusCode, reply)
	}
	// Output:
	// 200 {"v":"HELLO"}
	// 200 {"v":"","err":"empty string"}
	// 400 {"err":"line 1, column 6: \"s\" is a number, want a string"}
}

// serve returns the URL of a handler on loopback.
func serve(t testing.TB, p stringsvc.HandlerParams) string {
	t.Helper()
	if p.Service == nil {
		p.Service = stringsvc.NewLocal()
	}
	server := httptest.NewServer(stringsvc.NewHandler(p))
	t.Cleanup(server.Close)
	return server.URL
}

// do sends a request and returns the reply with its body read.
func do(t testing.TB, method, url, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return resp, string(reply)
}

func TestReplies(t *testing.T) {
	const notObject = `want an object"}`
	tests := []struct {
		name   string
		method string // POST unless set
		path   string // /uppercase unless set
		body   string
		status int
		reply  string // without its newline
		allow  string
	}{
		{name: "uppercase", body: `{"s":"hello"}`, status: 200, reply: `{"v":"HELLO"}`},
		{name: "uppercase of nothing", body: `{"s":""}`, status: 200, reply: `{"v":"","err":"empty string"}`},
		{name: "no s is the empty string", body: `{}`, status: 200, reply: `{"v":"","err":"empty string"}`},
		{name: "GET with a body", method: "GET", body: `{"s":"hello"}`, status: 200, reply: `{"v":"HELLO"}`},
		{name: "a query changes nothing", path: "/uppercase?s=x", body: `{"s":"hello"}`, status: 200, reply: `{"v":"HELLO"}`},
		{name: "other fields, white space", body: " {\n\"t\": [1, {\"s\": 5}],\t\"s\" : \"a\"}\r\n ", status: 200, reply: `{"v":"A"}`},
		{name: "no HTML escapes", body: `{"s":"<a>&\u003c"}`, status: 200, reply: `{"v":"<A>&<"}`},
		{name: "unicode", body: `{"s":"né\u00e9\ud83d\ude00"}`, status: 200, reply: `{"v":"NÉÉ😀"}`},
		{name: "count", path: "/count", body: `{"s":"hello"}`, status: 200, reply: `{"v":5}`},
		{name: "count by GET", method: "GET", path: "/count", body: `{"s":"hello"}`, status: 200, reply: `{"v":5}`},
		{name: "count is of bytes", path: "/count", body: `{"s":"né"}`, status: 200, reply: `{"v":3}`},
		{name: "count of nothing", path: "/count", body: `{"s":""}`, status: 200, reply: `{"v":0}`},

		{name: "no body", status: 400, reply: `{"err":"body is empty, want {\"s\":\"...\"}"}`},
		{name: "white space", body: " \n", status: 400, reply: `{"err":"body is empty, want {\"s\":\"...\"}"}`},
		{name: "no body to count", path: "/count", status: 400, reply: `{"err":"body is empty, want {\"s\":\"...\"}"}`},
		{name: "no JSON", body: "s=hello", status: 400, reply: `{"err":"line 1, column 1: invalid character 's' looking for beginning of value"}`},
		{name: "bad key", body: "{\n  s: 1}", status: 400, reply: `{"err":"line 2, column 3: invalid character 's' looking for beginning of object key string"}`},
		{name: "cut short", body: `{"s":"hel`, status: 400, reply: `{"err":"line 1, column 10: unexpected end of JSON"}`},
		{name: "cut inside a word", body: `{"s":nul`, status: 400, reply: `{"err":"line 1, column 9: unexpected end of JSON"}`},
		{name: "trailing garbage", body: `{"s":"a"} x`, status: 400, reply: `{"err":"line 1, column 11: invalid character 'x' after top-level value"}`},
		{name: "two values", body: "{\"s\":\"a\"}\n{\"s\":\"b\"}", status: 400, reply: `{"err":"line 2, column 1: invalid character '{' after top-level value"}`},
		{name: "control in a string", body: "{\"s\":\"a\x00\"}", status: 400, reply: `{"err":"line 1, column 8: invalid character '\\x00' in string literal"}`},
		{name: "byte order mark", body: "\ufeff{}", status: 400, reply: `{"err":"line 1, column 1: invalid character 'ï' looking for beginning of value"}`},
		{name: "s is a number", body: `{"s":5}`, status: 400, reply: `{"err":"line 1, column 6: \"s\" is a number, want a string"}`},
		{name: "s is null", body: `{"t":null, "s": null}`, status: 400, reply: `{"err":"line 1, column 17: \"s\" is null, want a string"}`},
		{name: "s is an array", body: "{\"s\"\n :\n[1]}", status: 400, reply: `{"err":"line 3, column 1: \"s\" is an array, want a string"}`},
		{name: "s is an object", body: `{"s":{"s":"a"}}`, status: 400, reply: `{"err":"line 1, column 6: \"s\" is an object, want a string"}`},
		{name: "s is a boolean", path: "/count", body: `{"s":true}`, status: 400, reply: `{"err":"line 1, column 6: \"s\" is a boolean, want a string"}`},
		{name: "body is null", body: "\n null", status: 400, reply: `{"err":"line 2, column 2: body is null, ` + notObject},
		{name: "body is an array", body: `["hello"]`, status: 400, reply: `{"err":"line 1, column 1: body is an array, ` + notObject},
		{name: "body is a string", body: `"hello"`, status: 400, reply: `{"err":"line 1, column 1: body is a string, ` + notObject},
		{name: "body is a number", body: `-1`, status: 400, reply: `{"err":"line 1, column 1: body is a number, ` + notObject},

		{name: "one byte too long", body: `{"s":"` + strings.Repeat("a", 56) + `"} `, status: 413, reply: `{"err":"body is over 64 bytes"}`},
		{name: "just not too long", path: "/count", body: `{"s":"` + strings.Repeat("a", 56) + `"}`, status: 200, reply: `{"v":56}`},
		{name: "too long and no JSON", path: "/count", body: strings.Repeat("x", 65), status: 413, reply: `{"err":"body is over 64 bytes"}`},
		{name: "too long and blank", body: strings.Repeat(" ", 65), status: 413, reply: `{"err":"body is over 64 bytes"}`},

		{name: "PUT", method: "PUT", body: `{"s":"a"}`, status: 405, reply: `{"err":"method is not one of GET, POST"}`, allow: "GET, POST"},
		{name: "HEAD", method: "HEAD", path: "/uppercase", status: 405, allow: "GET, POST"},
		{name: "OPTIONS", method: "OPTIONS", path: "/count", status: 405, reply: `{"err":"method is not one of GET, POST"}`, allow: "GET, POST"},
		{name: "methods have a case", method: "post", path: "/count", status: 405, reply: `{"err":"method is not one of GET, POST"}`, allow: "GET, POST"},
		{name: "POST of metrics", path: "/metrics", status: 405, reply: `{"err":"method is not one of GET, HEAD"}`, allow: "GET, HEAD"},
		{name: "POST of healthz", path: "/healthz", status: 405, reply: `{"err":"method is not one of GET, HEAD"}`, allow: "GET, HEAD"},
		{name: "DELETE of readyz", method: "DELETE", path: "/readyz", status: 405, reply: `{"err":"method is not one of GET, HEAD"}`, allow: "GET, HEAD"},

		{name: "metrics", method: "GET", path: "/metrics", status: 200, reply: `"metrics"`},
		{name: "HEAD of metrics", method: "HEAD", path: "/metrics", status: 200},
		{name: "healthz", method: "GET", path: "/healthz", status: 200, reply: `{"status":"ok"}`},
		{name: "HEAD of healthz", method: "HEAD", path: "/healthz", status: 200},
		{name: "readyz", method: "GET", path: "/readyz", status: 200, reply: `{"status":"ready"}`},
		{name: "HEAD of readyz", method: "HEAD", path: "/readyz", status: 200},
	}
	for _, path := range []string{"/", "/uppercase/", "//uppercase", "/x/../uppercase", "/Uppercase", "/count/x", "/favicon.ico", "/debug/pprof/"} {
		for _, method := range []string{"GET", "POST", "PUT"} {
			tests = append(tests, tests[0])
			tests[len(tests)-1].name = method + " " + path
			tests[len(tests)-1].method, tests[len(tests)-1].path = method, path
			tests[len(tests)-1].status, tests[len(tests)-1].reply = 404, `{"err":"no such path, want /uppercase or /count"}`
		}
	}
	url := serve(t, stringsvc.HandlerParams{
		MaxBody: 64,
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "\"metrics\"\n")
		}),
	})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.method == "" {
				tt.method = "POST"
			}
			if tt.path == "" {
				tt.path = "/uppercase"
			}
			if tt.reply != "" {
				tt.reply += "\n"
			}
			resp, reply := do(t, tt.method, url+tt.path, tt.body)
			if resp.StatusCode != tt.status || reply != tt.reply {
				t.Errorf("%s %s %q = %d %q, want %d %q", tt.method, tt.path, tt.body, resp.StatusCode, reply, tt.status, tt.reply)
			}
			if got := resp.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type = %q, want application/json", got)
			}
			if got := resp.Header.Get("Content-Length"); tt.method != "HEAD" && got != strconv.Itoa(len(reply)) || got == "" {
				t.Errorf("Content-Length = %q, want %d", got, len(reply))
			}
			if got := resp.Header.Get("Allow"); got != tt.allow {
				t.Errorf("Allow = %q, want %q", got, tt.allow)
			}
			if tt.reply != "" && !json.Valid([]byte(reply)) {
				t.Errorf("reply %q is no JSON", reply)
			}
		})
	}
}

func TestDefaultLimitIsOneMebibyte(t *testing.T) {
	url := serve(t, stringsvc.HandlerParams{})
	most := `{"s":"` + strings.Repeat("a", 1<<20-8) + `"}`
	resp, reply := do(t, "POST", url+"/uppercase", most)
	if want := `{"v":"` + strings.Repeat("A", 1<<20-8) + "\"}\n"; resp.StatusCode != 200 || reply != want || resp.ContentLength != int64(len(want)) {
		t.Errorf("1 MiB: %d, %d bytes, Content-Length %d, want 200, %d bytes", resp.StatusCode, len(reply), resp.ContentLength, len(want))
	}
	if resp, _ := do(t, "POST", url+"/uppercase", most+" "); resp.StatusCode != 413 || !resp.Close {
		t.Errorf("1 MiB and a byte: %d, close %v, want 413, true", resp.StatusCode, resp.Close)
	}
}

func TestNoMetricsNoPath(t *testing.T) {
	if resp, _ := do(t, "GET", serve(t, stringsvc.HandlerParams{})+"/metrics", ""); resp.StatusCode != 404 {
		t.Errorf("GET /metrics = %d, want 404", resp.StatusCode)
	}
}

func TestFailuresAreNoAnswers(t *testing.T) {
	broken := errors.New("no replica <a>")
	service := fake{uppercase: func(_ context.Context, s string) (string, error) {
		if s == "business" {
			return "x", fmt.Errorf("from b: %w", stringsvc.BusinessError("not today"))
		}
		return "x", broken
	}}
	t.Run("default", func(t *testing.T) {
		resp, reply := do(t, "POST", serve(t, stringsvc.HandlerParams{Service: service})+"/uppercase", `{"s":"a"}`)
		if want := "{\"err\":\"no replica <a>\"}\n"; resp.StatusCode != 500 || reply != want {
			t.Errorf("reply = %d %s, want 500 %s", resp.StatusCode, reply, want)
		}
	})
	t.Run("told", func(t *testing.T) {
		url := serve(t, stringsvc.HandlerParams{Service: service, Failure: func(w http.ResponseWriter, r *http.Request, err error) {
			if err != broken || r.URL.Path != "/uppercase" {
				t.Errorf("Failure(%s, %v), want /uppercase, %v", r.URL.Path, err, broken)
			}
			w.WriteHeader(http.StatusBadGateway)
		}})
		if resp, _ := do(t, "POST", url+"/uppercase", `{"s":"a"}`); resp.StatusCode != 502 {
			t.Errorf("reply = %d, want 502", resp.StatusCode)
		}
		resp, reply := do(t, "POST", url+"/uppercase", `{"s":"business"}`)
		if want := "{\"v\":\"\",\"err\":\"not today\"}\n"; resp.StatusCode != 200 || reply != want {
			t.Errorf("reply = %d %s, want 200 %s", resp.StatusCode, reply, want)
		}
	})
}

func TestContextReachesTheService(t *testing.T) {
	started, ended := make(chan struct{}), make(chan error, 1)
	url := serve(t, stringsvc.HandlerParams{Service: fake{uppercase: func(ctx context.Context, _ string) (string, error) {
		close(started)
		<-ctx.Done()
		ended <- ctx.Err()
		return "", ctx.Err()
	}}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	req, err := http.NewRequestWithContext(ctx, "POST", url+"/uppercase", strings.NewReader(`{"s":"a"}`))
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(req); err == nil {
		_ = resp.Body.Close()
		t.Errorf("cancelled call = %d, want an error", resp.StatusCode)
	}
	if err := <-ended; err != context.Canceled {
		t.Errorf("the service saw %v, want %v", err, context.Canceled)
	}
}

func TestPanicIsLoggedAndAnswered(t *testing.T) {
	var log bytes.Buffer
	w := logfmt.NewWriter(&log)
	url := serve(t, stringsvc.HandlerParams{
		Logger: slog.New(logfmt.NewHandler(w)),
		Service: fake{
			uppercase: func(context.Context, string) (string, error) { panic("secret\n") },
			count:     func(_ context.Context, s string) int { return len(s[99:]) },
		},
		Failure: func(http.ResponseWriter, *http.Request, error) { t.Error("Failure was called for a panic") },
	})
	for _, path := range []string{"/uppercase", "/count"} {
		resp, reply := do(t, "POST", url+path, `{"s":"a"}`)
		if want := "{\"err\":\"the service panicked, its log says where\"}\n"; resp.StatusCode != 500 || reply != want {
			t.Errorf("%s = %d %s, want 500 %s", path, resp.StatusCode, reply, want)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		` level=ERROR msg=panic method=uppercase panic="secret\n" stack="goroutine `,
		` level=ERROR msg=panic method=count panic="runtime error: slice bounds out of range [99:1]" stack="goroutine `,
		"transport_test.go:", // where it happened
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %s:\n%s", want, log.String())
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("%d lines logged, want 2", n)
	}
}

func TestAbortPasses(t *testing.T) {
	handler := stringsvc.NewHandler(stringsvc.HandlerParams{Service: fake{
		count: func(context.Context, string) int { panic(http.ErrAbortHandler) },
	}})
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("recovered %v, want %v", v, http.ErrAbortHandler)
		}
	}()
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/count", strings.NewReader(`{"s":"a"}`)))
}

func TestDrainingIsSaidInEveryReply(t *testing.T) {
	var draining atomic.Bool
	url := serve(t, stringsvc.HandlerParams{
		Ready:   func() bool { return !draining.Load() },
		Metrics: http.NotFoundHandler(),
		Service: fake{
			uppercase: func(ctx context.Context, s string) (string, error) {
				draining.Store(true) // in the midst of a call
				return stringsvc.NewLocal().Uppercase(ctx, s)
			},
		},
		MaxBody: 64,
	})
	for _, tt := range []struct {
		method, path, body string
		draining           bool
		status             int
	}{
		{"GET", "/readyz", "", false, 200},
		{"POST", "/count", `{"s":"a"}`, false, 200},
		{"POST", "/uppercase", `{"s":"a"}`, true, 200},
		{"POST", "/uppercase", `{"s":""}`, true, 200},
		{"POST", "/count", `{"s":"a"}`, true, 200},
		{"POST", "/count", `{`, true, 400},
		{"POST", "/count", strings.Repeat(" ", 65), true, 413},
		{"PUT", "/count", ``, true, 405},
		{"GET", "/healthz", "", true, 200},
		{"GET", "/readyz", "", true, 503},
		{"HEAD", "/readyz", "", true, 503},
		{"GET", "/metrics", "", true, 404},
		{"GET", "/none", "", true, 404},
	} {
		resp, reply := do(t, tt.method, url+tt.path, tt.body)
		load := resp.Header.Get("Rota-Load")
		if resp.StatusCode != tt.status || resp.Close != tt.draining || (load == "state=draining") != tt.draining {
			t.Errorf("%s %s = %d %q, close %v, Rota-Load %q, want %d, draining %v",
				tt.method, tt.path, resp.StatusCode, reply, resp.Close, load, tt.status, tt.draining)
		}
	}
}
