package rotadash_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotadash"
)

// world is a client whose replicas are funcs, in a bubble, and a Dash that shows it.
type world struct {
	t         *testing.T
	dash      *rotadash.Dash
	client    *rota.Client
	overrides *rota.Overrides
	log       *safeBuffer
	stop      func()

	mu sync.Mutex
	do map[string]func(context.Context) error
}

func newWorld(t *testing.T, p rotadash.Params, addrs ...string) *world {
	t.Helper()
	w := &world{t: t, do: map[string]func(context.Context) error{}, log: new(safeBuffer), overrides: rota.NewOverrides(rota.StaticAddrs(addrs...))}
	p.Log = slog.New(slog.NewTextHandler(w.log, nil))
	dash, err := rotadash.New(p)
	if err != nil {
		t.Fatal(err)
	}
	w.dash = dash
	w.client, err = rota.New(rota.Config{
		Service: "users", Resolver: w.overrides, Balancer: rota.RoundRobinFrom(0), Observer: dash.Observer(),
		Policy: rota.Policy{Timeout: time.Second, Retry: &rota.Retry{}, Breaker: &rota.Breaker{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := dash.Set([]rotadash.Service{w.service()}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- dash.Run(ctx) }()
	var once sync.Once
	w.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("Run() = %v, want nil", err)
			}
		})
	}
	t.Cleanup(func() {
		w.stop()
		if err := w.client.Close(); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	time.Sleep(30 * time.Millisecond) // so that nothing of the tests is due when samples are
	return w
}

func (w *world) service() rotadash.Service {
	return rotadash.Service{Name: "users", Source: w.client, Ejector: w.client, Overrides: w.overrides}
}

var errBroken = errors.New("broken <script>alert(1)</script>")

// set makes a replica take some time, and fail if it is to.
func (w *world) set(addr string, takes time.Duration, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.do[addr] = func(ctx context.Context) error {
		time.Sleep(takes)
		return err
	}
}

func (w *world) call() error {
	_, err := rota.Do(context.Background(), w.client, rota.Call{Idempotent: true}, rota.Op[int]{
		Send: func(ctx context.Context, a *rota.Attempt) (int, error) {
			w.mu.Lock()
			do := w.do[a.Instance().Addr]
			w.mu.Unlock()
			if do == nil {
				return 0, nil
			}
			return 0, do(ctx)
		},
	})
	return err
}

// calls makes ten calls a second.
func (w *world) calls(seconds int) (failed int) {
	for range 10 * seconds {
		if w.call() != nil {
			failed++
		}
		time.Sleep(100 * time.Millisecond)
	}
	return failed
}

// get returns the status and the body of a request from the machine itself.
func (w *world) get(path string) (int, []byte) {
	return w.send(httptest.NewRequest(http.MethodGet, "http://localhost:9901"+path, nil))
}

func (w *world) send(r *http.Request) (int, []byte) {
	rec := httptest.NewRecorder()
	w.dash.ServeHTTP(rec, r)
	return rec.Code, rec.Body.Bytes()
}

// act orders something, as the page does.
func (w *world) act(body string) (int, string) {
	r := httptest.NewRequest(http.MethodPost, "http://localhost:9901/api/act", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Rota-Dash", "1")
	r.Header.Set("Origin", "http://localhost:9901")
	status, reply := w.send(r)
	return status, string(reply)
}

// state is what of /api/state the tests look at.
type state struct {
	Boot     string
	Tick     uint64
	From     uint64
	Times    []float64
	Write    bool
	Services []struct {
		Name      string
		First     uint64
		Set       int
		Totals    map[string]uint64
		Values    map[string]*float64
		History   map[string][]*float64
		Replicas  []row
		Histories map[string]map[string][]*float64 `json:"replica_history"`
	}
	Events    []rotadash.Event
	Decisions []summary
}

type row struct {
	Addr, State, Why, Breaker string
	Weight                    int
	WeightByHand              bool `json:"weight_by_hand"`
	InFlight                  int  `json:"in_flight"`
	Share, Success            *float64
	Values                    map[string]*float64
	On                        []string
}

type summary struct {
	ID       uint64
	Service  string
	Outcomes []string
	Replicas []string
	Won      int
	Error    string
}

func (w *world) state() (s state) {
	w.t.Helper()
	status, body := w.get("/api/state")
	if err := json.Unmarshal(body, &s); err != nil || status != http.StatusOK {
		w.t.Fatalf("/api/state = %d, %v: %.200s", status, err, body)
	}
	return s
}

func (s *state) row(addr string) row {
	for _, r := range s.Services[0].Replicas {
		if r.Addr == addr {
			return r
		}
	}
	return row{State: "not shown"}
}

// kinds returns the kinds of events in their order, with replicas: "ejected a".
func (s *state) kinds() string {
	var all []string
	for _, e := range s.Events {
		all = append(all, strings.TrimSpace(e.Kind+" "+e.Replica))
	}
	return strings.Join(all, ", ")
}

func value(v *float64) float64 {
	if v == nil {
		return -1
	}
	return *v
}

// safeBuffer may be written to and read concurrently.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

var _ io.Writer = (*safeBuffer)(nil)
