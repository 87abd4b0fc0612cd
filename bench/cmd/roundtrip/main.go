// Command roundtrip measures what rotahttp.Transport costs around an http.Transport: CPU time of the calling process
// and allocations a request, alternating between the two in one run. Part of make bench.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime/metrics"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
)

func main() {
	serve := flag.Bool("serve", false, "be the replicas (used by the program itself)")
	rounds := flag.Int("rounds", 21, "rounds, each with every variant once")
	requests := flag.Int("requests", 10000, "requests of one variant in a round")
	callers := flag.Int("callers", 8, "goroutines that send them")
	flag.Parse()
	run := func() error { return measure(*rounds, *requests, *callers) }
	if *serve {
		run = replicas
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "roundtrip:", err)
		os.Exit(1)
	}
}

const fleet = 3

// replicas serves on ports of its own, tells them on stdout, and ends with stdin.
func replicas() error {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json"}
		io.WriteString(w, `{"v":"HELLO"}`)
	})
	for range fleet {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		go http.Serve(l, h)
		fmt.Println(l.Addr())
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// variant is one way to send the same request.
type variant struct {
	name   string
	client http.RoundTripper
	ctx    func() (context.Context, context.CancelFunc)
	url    func(i uint64) string
	cpu    []float64 // microseconds a request, one a round
	allocs []float64 // the same of allocations
}

func measure(rounds, requests, callers int) error {
	addrs, stop, err := start()
	if err != nil {
		return err
	}
	defer stop()
	variants, done, err := variantsOf(addrs)
	if err != nil {
		return err
	}
	defer done()
	order := rand.New(rand.NewPCG(1, 1))
	for round := range rounds + 1 {
		for _, i := range order.Perm(len(variants)) { // so that none profits from what ran before it
			v := &variants[i]
			cpu, allocs, err := v.run(requests, callers)
			if err != nil {
				return fmt.Errorf("%s: %w", v.name, err)
			}
			if round > 0 { // the first one warms up
				v.cpu, v.allocs = append(v.cpu, cpu), append(v.allocs, allocs)
			}
		}
	}
	report(variants, rounds, requests, callers)
	return nil
}

// start runs the replicas in a process of their own, so that their CPU time is not counted.
func start() (addrs []string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(self, "-serve")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	stop = func() { in.Close(); cmd.Wait() }
	for lines := bufio.NewScanner(out); len(addrs) < fleet && lines.Scan(); {
		addrs = append(addrs, lines.Text())
	}
	if len(addrs) < fleet {
		stop()
		return nil, nil, fmt.Errorf("the replicas did not start")
	}
	return addrs, stop, nil
}

func variantsOf(addrs []string) ([]variant, func(), error) {
	background := func() (context.Context, context.CancelFunc) { return context.Background(), func() {} }
	deadline := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.Background(), time.Second)
	}
	turn := func(i uint64) string { return "http://" + addrs[i%uint64(len(addrs))] + "/uppercase" }
	service := func(uint64) string { return "http://strings/uppercase" }

	everything := rota.Policy{
		Timeout: time.Second, Retry: &rota.Retry{}, Hedge: &rota.Hedge{}, Breaker: &rota.Breaker{},
		Rate: &rota.Rate{PerSecond: 1e6, Burst: 1e6},
	}
	var clients []*rota.Client
	around := func(p rota.Policy) (http.RoundTripper, error) {
		c, err := rota.New(rota.Config{Service: "strings", Resolver: rota.StaticAddrs(addrs...), Policy: p})
		if err != nil {
			return nil, err
		}
		clients = append(clients, c)
		return &rotahttp.Transport{Client: c, Base: rotahttp.NewTransport()}, nil
	}
	plain, err := around(rota.DefaultPolicy())
	if err != nil {
		return nil, nil, err
	}
	full, err := around(everything)
	if err != nil {
		return nil, nil, err
	}
	calm := everything
	calm.Hedge = nil
	noHedge, err := around(calm)
	if err != nil {
		return nil, nil, err
	}
	done := func() {
		for _, c := range clients {
			c.Close()
		}
	}
	return []variant{
		{name: "http.Transport", client: rotahttp.NewTransport(), ctx: background, url: turn},
		{name: "http.Transport again (what noise there is)", client: rotahttp.NewTransport(), ctx: background, url: turn},
		{name: "http.Transport, deadline on the context", client: rotahttp.NewTransport(), ctx: deadline, url: turn},
		{name: "rota: retries, breaker", client: plain, ctx: background, url: service},
		{name: "rota: and a deadline, a try time, a rate limit", client: noHedge, ctx: background, url: service},
		{name: "rota: and hedges, which are sent", client: full, ctx: background, url: service},
	}, done, nil
}

// run sends the requests and returns the CPU time of this process for each, in microseconds, and its allocations.
func (v *variant) run(requests, callers int) (cpu, allocs float64, err error) {
	var next atomic.Uint64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	before, mallocs := cpuTime(), allocations()
	for range callers {
		wg.Go(func() {
			for i := next.Add(1); i <= uint64(requests); i = next.Add(1) {
				if err := v.send(i); err != nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return 0, 0, *err
	}
	n := float64(requests)
	return float64(cpuTime()-before) / n / 1e3, float64(allocations()-mallocs) / n, nil
}

// allocations is how many objects this process has allocated.
func allocations() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func (v *variant) send(i uint64) error {
	ctx, cancel := v.ctx()
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.url(i), nil)
	if err != nil {
		return err
	}
	resp, err := v.client.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

func report(variants []variant, rounds, requests, callers int) {
	fmt.Printf("CPU microseconds and allocations a request of the calling process; %d rounds of %d requests, %d callers, medians\n",
		rounds, requests, callers)
	base := variants[0].cpu
	for _, v := range variants {
		ratios := make([]float64, len(v.cpu))
		for i := range ratios {
			ratios[i] = v.cpu[i] / base[i] // of the same round: the machine's mood cancels out
		}
		slices.Sort(ratios)
		fmt.Printf("  %-55s %6.2f us  %.3fx (%.3f to %.3f) %6.1f allocations\n", v.name, median(v.cpu), ratios[len(ratios)/2],
			ratios[0], ratios[len(ratios)-1], median(v.allocs))
	}
}

func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}
