//go:build integration

package bench_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/rota-go/rota/bench/gokit"
)

// The calls both services must answer alike, byte for byte.
var interop = []struct {
	name, path, body, want string
}{
	{"uppercase", "/uppercase", `{"s":"hello"}`, `{"v":"HELLO"}`},
	{"not ASCII", "/uppercase", `{"s":"héllo, 世界"}`, `{"v":"HÉLLO, 世界"}`},
	{"business error", "/uppercase", `{"s":""}`, `{"v":"","err":"empty string"}`},
	{"count", "/count", `{"s":"hello"}`, `{"v":5}`},
	{"count of nothing", "/count", `{"s":""}`, `{"v":0}`},
}

// TestGokitClientCallsOurReplica sends what existing callers send: a GET with a chunked body.
func TestGokitClientCallsOurReplica(t *testing.T) {
	ours := start(t, build(t).ours)
	at := func(path string) *url.URL { return &url.URL{Scheme: "http", Host: ours.Addr, Path: path} }
	for _, tt := range []struct{ in, v, err string }{{"hello", "HELLO", ""}, {"", "", "empty string"}} {
		reply, err := gokit.UppercaseClient(at("/uppercase"))(t.Context(), gokit.UppercaseRequest(tt.in))
		if err != nil {
			t.Fatalf("uppercase(%q): %v", tt.in, err)
		}
		if v, text := gokit.UppercaseReply(reply); v != tt.v || text != tt.err {
			t.Errorf("uppercase(%q) = %q, %q; want %q, %q", tt.in, v, text, tt.v, tt.err)
		}
	}
	reply, err := gokit.CountClient(at("/count"))(t.Context(), gokit.CountRequest("hello"))
	if err != nil {
		t.Fatalf("count: %v", err)
	}
	if n := gokit.CountReply(reply); n != 5 {
		t.Errorf("count(hello) = %d, want 5", n)
	}
}

func TestGokitFrontBeforeOurReplicas(t *testing.T) {
	b := build(t)
	before(t, b.kit, b.ours)
}

func TestOurFrontBeforeGokitReplicas(t *testing.T) {
	b := build(t)
	replicas := before(t, b.ours, b.kit)
	// The business error came once and was tried once.
	var errs float64
	for _, r := range replicas {
		errs += total(t, r, "my_group_string_service_request_count", `method="uppercase"`, `error="true"`)
	}
	if errs != 1 {
		t.Errorf("replicas counted %v business errors, want 1: it is an answer, not a failure to be tried again", errs)
	}
}

// before starts a front of one kind before three replicas of the other and asks it everything in interop.
func before(t *testing.T, frontBin, replicaBin string) (replicas []*front) {
	t.Helper()
	var addrs []string
	for range 3 {
		r := start(t, replicaBin)
		replicas = append(replicas, r)
		addrs = append(addrs, r.Addr)
	}
	f := start(t, frontBin, "-proxy="+strings.Join(addrs, ","))
	for _, tt := range interop {
		t.Run(tt.name, func(t *testing.T) {
			resp, err := f.client.Post("http://"+f.Addr+tt.path, "application/json", strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if got := strings.TrimSpace(string(text)); err != nil || resp.StatusCode != http.StatusOK || got != tt.want {
				t.Errorf("answer = %d %s, %v; want 200 %s", resp.StatusCode, got, err, tt.want)
			}
		})
	}
	return replicas
}
