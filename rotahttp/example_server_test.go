package rotahttp_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/rota-go/rota/rotahttp"
)

// A server in one line: it listens on :8080, answers /healthz and /readyz, and at SIGTERM leaves in such a way that its
// callers notice nothing. Here it is told to leave at once.
func ExampleRun() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // a program passes context.Background()

	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	fmt.Println(rotahttp.Run(ctx, &http.Server{Addr: "127.0.0.1:0", Handler: mux}))
	// Output: <nil>
}

// A server with settings: a limit, metrics that are answered however full it is, a longer wait for a slow load balancer,
// and a word when something happens.
func ExampleRunner() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	addr := make(chan net.Addr, 1)
	runner := &rotahttp.Runner{
		Healthz:   "/live",
		Readyz:    "/ready",
		Probes:    map[string]http.Handler{"/metrics": http.HandlerFunc(hello)},
		Wait:      15 * time.Second,
		Signals:   []os.Signal{os.Interrupt},
		Listening: func(a net.Addr) { addr <- a },
		Draining:  func() { fmt.Println("leaving") },
	}
	ended := make(chan error)
	go func() {
		ended <- runner.Run(ctx, &http.Server{
			Addr:    "127.0.0.1:0",
			Handler: rotahttp.Handler(http.NotFoundHandler(), rotahttp.ServerPolicy{Limit: &rotahttp.Limit{}}),
		})
	}()

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	url := "http://" + (<-addr).String()
	for _, path := range []string{"/live", "/ready", "/metrics", "/other"} {
		resp, err := client.Get(url + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Println(path, resp.StatusCode)
	}
	stop()
	fmt.Println(<-ended)
	// Output:
	// /live 200
	// /ready 200
	// /metrics 200
	// /other 404
	// leaving
	// <nil>
}

// A server of one's own drains its Gate before it shuts down.
func ExampleGate_Drain() {
	gate := rotahttp.Handler(http.HandlerFunc(hello), rotahttp.ServerPolicy{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := &http.Server{Handler: gate, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error)
	go func() { served <- server.Serve(l) }()

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond) // 5 seconds, outside of examples
	defer cancel()
	fmt.Println("drain:", gate.Drain(ctx))
	resp, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	fmt.Println(resp.StatusCode, resp.Close, resp.Header.Get(rotahttp.HeaderLoad)[:6])
	fmt.Println("shutdown:", server.Shutdown(context.Background()), <-served)
	// Output:
	// drain: context deadline exceeded
	// 200 true rif=0,
	// shutdown: <nil> http: Server closed
}

// A readiness check in a form of one's own.
func ExampleGate_Draining() {
	gate := rotahttp.Handler(http.NotFoundHandler(), rotahttp.ServerPolicy{})
	ready := func() string {
		if gate.Draining() {
			return `{"status":"draining"}`
		}
		return `{"status":"ready"}`
	}
	fmt.Println(ready())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	gate.Drain(ctx)
	fmt.Println(ready())
	// Output:
	// {"status":"ready"}
	// {"status":"draining"}
}

// One place, and nobody may wait: the second request is refused, with a word on when to come again.
func ExampleLimit() {
	entered, leave := make(chan bool), make(chan bool)
	busy := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { entered <- true; <-leave })
	gate := rotahttp.Handler(busy, rotahttp.ServerPolicy{Limit: &rotahttp.Limit{Max: 1, Queue: -1}})

	go gate.ServeHTTP(&discard{header: http.Header{}}, request(context.Background(), "GET", nil))
	<-entered
	second := &discard{header: http.Header{}}
	gate.ServeHTTP(second, request(context.Background(), "GET", nil))
	fmt.Println(second.status, second.header.Get("Retry-After"), second.header.Get(rotahttp.HeaderLoad)[:6])
	close(leave)
	// Output: 503 1 rif=1,
}

// A limit whose algorithm nobody knows.
func ExampleLimit_Validate() {
	l := &rotahttp.Limit{Algorithm: "vega"}
	fmt.Println(l.Validate())
	l.Algorithm = "vegas"
	fmt.Println(l.Validate())
	// Output:
	// rotahttp: Limit.Algorithm = "vega", want one of dip, vegas, vegas-plain, gradient, gradient2, failsafe, envoy, aimd
	// <nil>
}

// What a server says of itself is at DefaultLoadPath, too, whatever it has to do.
func ExampleServerPolicy_loadPath() {
	gate := rotahttp.Handler(http.NotFoundHandler(), rotahttp.ServerPolicy{LoadPath: "/how-are-you"})
	w := &discard{header: http.Header{}}
	r, err := http.NewRequest("GET", "/how-are-you", nil)
	if err != nil {
		log.Fatal(err)
	}
	gate.ServeHTTP(w, r)
	fmt.Println(w.status, w.header.Get(rotahttp.HeaderLoad))
	// Output: 204 rif=0, latency-us=0, state=ok
}
