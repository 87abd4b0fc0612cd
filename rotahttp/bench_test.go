package rotahttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
)

// atOnce is a RoundTripper that costs next to nothing, so that what is measured is ours.
type atOnce struct{ header http.Header }

func (s atOnce) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: s.header, Body: &okBody{}, Request: req}, nil
}

// okBody reads `"ok"`.
type okBody struct{ read int }

func (b *okBody) Read(p []byte) (int, error) {
	n := copy(p, `"ok"`[b.read:])
	b.read += n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (b *okBody) Close() error { return nil }

// benched are the policies that are measured.
var benched = []struct {
	name   string
	policy rota.Policy
}{
	{"nothing", rota.Policy{}},
	{"default", rota.DefaultPolicy()},
	{"all", rota.Policy{
		Timeout: time.Second, Retry: &rota.Retry{}, Hedge: &rota.Hedge{}, Breaker: &rota.Breaker{},
		Rate: &rota.Rate{PerSecond: 1e9, Burst: 1e6},
	}},
}

func benchClient(b *testing.B, p rota.Policy) *rota.Client {
	c, err := rota.New(rota.Config{Resolver: rota.StaticAddrs("a:80", "b:80", "c:80"), Policy: p})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return c
}

// BenchmarkTransport is a GET. "bare" is the same without a Transport.
func BenchmarkTransport(b *testing.B) {
	stub := atOnce{http.Header{"Content-Type": {"application/json"}}}
	run := func(b *testing.B, rt http.RoundTripper) {
		req := request(context.Background(), "GET", nil)
		buf := make([]byte, 64)
		b.ReportAllocs()
		for b.Loop() {
			resp, err := rt.RoundTrip(req)
			if err != nil {
				b.Fatal(err)
			}
			for err == nil {
				_, err = resp.Body.Read(buf)
			}
			resp.Body.Close()
		}
	}
	b.Run("bare", func(b *testing.B) { run(b, stub) })
	for _, bench := range benched {
		b.Run(bench.name, func(b *testing.B) {
			run(b, &rotahttp.Transport{Client: benchClient(b, bench.policy), Base: stub})
		})
	}
}

// BenchmarkEndpoint is a GET with a body of JSON. "bare" is the stub alone with a request made before, "by hand" what one
// would write without an Endpoint.
func BenchmarkEndpoint(b *testing.B) {
	stub := atOnce{http.Header{"Content-Type": {"application/json"}}}
	b.Run("bare", func(b *testing.B) {
		req := request(context.Background(), "GET", strings.NewReader(`"hello"`))
		b.ReportAllocs()
		for b.Loop() {
			resp, err := stub.RoundTrip(req)
			if err != nil {
				b.Fatal(err)
			}
			resp.Body.Close()
		}
	})
	b.Run("by hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if got, err := byHand(stub, "hello"); got != "ok" || err != nil {
				b.Fatal(got, err)
			}
		}
	})
	for _, bench := range benched {
		b.Run(bench.name, func(b *testing.B) {
			e := rotahttp.JSON[string, string](benchClient(b, bench.policy), "GET", "/upper")
			e.HTTP = stub
			b.ReportAllocs()
			for b.Loop() {
				if got, err := e.Call(context.Background(), "hello"); got != "ok" || err != nil {
					b.Fatal(got, err)
				}
			}
		})
	}
}

func byHand(rt http.RoundTripper, in string) (out string, err error) {
	body, err := json.Marshal(in)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequest("GET", "http://a:80/upper", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	return out, json.Unmarshal(reply, &out)
}

// BenchmarkProbes is a GET with a balancer that asks for three probes a call: of replicas that answer none, and of such that
// do, where the answers are waited for too.
func BenchmarkProbes(b *testing.B) {
	run := func(name string, stub http.RoundTripper) {
		b.Run(name, func(b *testing.B) {
			c, err := rota.New(rota.Config{
				Resolver: rota.StaticAddrs("a:80", "b:80", "c:80", "d:80", "e:80"), Balancer: rota.Prequal(rota.PrequalParams{}),
			})
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			rt := &rotahttp.Transport{Client: c, Base: stub}
			req := request(context.Background(), "GET", nil)
			b.ReportAllocs()
			for b.Loop() {
				resp, err := rt.RoundTrip(req)
				if err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
			}
		})
	}
	run("no answers", atOnce{http.Header{}})
	run("answers", answering{http.Header{"Rota-Load": {"rif=3, latency-us=1200, rate=57, util=0.53, state=ok"}}})
}

// answering is atOnce for servers that answer probes.
type answering struct{ header http.Header }

func (s answering) RoundTrip(req *http.Request) (*http.Response, error) {
	status := 200
	if req.URL.Path == rotahttp.DefaultLoadPath {
		status = 204
	}
	return &http.Response{StatusCode: status, Header: s.header, Body: http.NoBody, Request: req}, nil
}
