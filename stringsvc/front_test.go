package stringsvc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/stringsvc"
)

func ExampleNewFront() {
	replica := httptest.NewServer(stringsvc.NewHandler(stringsvc.HandlerParams{Service: stringsvc.NewLocal()}))
	defer replica.Close()
	front, err := stringsvc.NewFront(stringsvc.FrontParams{
		Replicas: []string{replica.URL + "/uppercase"},
		Policy:   rota.DefaultPolicy(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer front.Close()

	service := front.Proxying(stringsvc.NewLocal())
	ctx := context.Background()
	fmt.Println(service.Uppercase(ctx, "hello"))
	fmt.Println(service.Uppercase(ctx, ""))
	fmt.Println(service.Count(ctx, "hello")) // by the local service
	// Output:
	// HELLO <nil>
	//  empty string
	// 5
}

func ExampleFront_Stats() {
	replica := httptest.NewServer(stringsvc.NewHandler(stringsvc.HandlerParams{Service: stringsvc.NewLocal()}))
	defer replica.Close()
	front, err := stringsvc.NewFront(stringsvc.FrontParams{
		Replicas: []string{replica.URL + "/uppercase", replica.URL + "/no-such-path"},
		Policy:   rota.DefaultPolicy(),
		Balancer: rota.RoundRobinFrom(0),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer front.Close()

	service := front.Proxying(stringsvc.NewLocal())
	for _, s := range []string{"a", "b", "c"} {
		_, _ = service.Uppercase(context.Background(), s)
	}
	stats := front.Stats()
	fmt.Println(stats.Service, stats.Calls.Succeeded, "calls,", stats.Retries, "retry")
	for _, node := range stats.Nodes {
		fmt.Println(strings.TrimPrefix(node.Instance.Addr, replica.URL), node.Attempts.Success, node.Attempts.Failure)
	}
	// Output:
	// uppercase 3 calls, 1 retry
	// /uppercase 3 0
	// /no-such-path 0 1
}

// newFront returns the service of a front, to be closed with the test.
func newFront(t *testing.T, p stringsvc.FrontParams) stringsvc.Service {
	t.Helper()
	front, err := stringsvc.NewFront(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := front.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return front.Proxying(stringsvc.NewLocal())
}

func TestFrontOverTLS(t *testing.T) {
	protos := make(chan string, 1)
	replica := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protos <- r.Proto
		stringsvc.NewHandler(stringsvc.HandlerParams{Service: stringsvc.NewLocal()}).ServeHTTP(w, r)
	}))
	replica.EnableHTTP2 = true
	replica.StartTLS()
	defer replica.Close()
	service := newFront(t, stringsvc.FrontParams{Replicas: []string{replica.URL + "/uppercase"}, HTTP: replica.Client().Transport})
	if v, err := service.Uppercase(t.Context(), "hello"); v != "HELLO" || err != nil {
		t.Fatalf("Uppercase() = %q, %v, want HELLO, nil", v, err)
	}
	if proto := <-protos; proto != "HTTP/2.0" {
		t.Errorf("sent over %s, want HTTP/2.0", proto)
	}
}

// TestWhatAFrontSends: the shortest JSON that says it, for a replica may take
// no longer bodies than the front does.
func TestWhatAFrontSends(t *testing.T) {
	bodies := make(chan string, 1)
	replica := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		bodies <- string(b)
		_, _ = io.WriteString(w, `{"v":"X"}`)
	}))
	defer replica.Close()
	service := newFront(t, stringsvc.FrontParams{Replicas: []string{replica.URL}})
	for s, want := range map[string]string{
		"":         `{"s":""}`,
		"<a>&'":    `{"s":"<a>&'"}`,
		"né\n\"\\": `{"s":"né\n\"\\"}`,
		"\x01\xff": `{"s":"\u0001\ufffd"}`,
	} {
		if v, err := service.Uppercase(t.Context(), s); v != "X" || err != nil {
			t.Fatalf("Uppercase(%q) = %q, %v, want X, nil", s, v, err)
		}
		if body := <-bodies; body != want {
			t.Errorf("Uppercase(%q) sent %s, want %s", s, body, want)
		}
	}
}

// TestBusinessErrorOfAReplica: it is the replica's own, and there may be an
// empty answer without one.
func TestBusinessErrorOfAReplica(t *testing.T) {
	for reply, want := range map[string]error{
		`{"v":"","err":"not today"}`:               stringsvc.BusinessError("not today"),
		`{"err":"empty string"}`:                   stringsvc.ErrEmpty,
		`{"v":null,"err":"no"}`:                    stringsvc.BusinessError("no"),
		` {"v":"","err":"","more":{"v":1}}` + "\n": nil,
	} {
		replica := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, reply)
		}))
		service := newFront(t, stringsvc.FrontParams{Replicas: []string{replica.URL}})
		if v, err := service.Uppercase(t.Context(), "a"); v != "" || err != want {
			t.Errorf("%s: Uppercase() = %q, %v, want %v", reply, v, err, want)
		}
		replica.Close()
	}
}

func TestClosedFront(t *testing.T) {
	front, err := stringsvc.NewFront(stringsvc.FrontParams{Replicas: []string{"http://127.0.0.1:1/"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := front.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	}
	_, err = front.Proxying(stringsvc.NewLocal()).Uppercase(t.Context(), "a")
	if !errors.Is(err, rota.ErrClosed) {
		t.Errorf("Uppercase() after Close = %v, want %v", err, rota.ErrClosed)
	}
}

func TestNewFrontRefusesAPolicyThatCannotBe(t *testing.T) {
	front, err := stringsvc.NewFront(stringsvc.FrontParams{
		Replicas: []string{"http://a:1/"}, Policy: rota.Policy{Retry: &rota.Retry{Attempts: 99}},
	})
	if err == nil || !strings.Contains(err.Error(), "Retry.Attempts = 99") || front != nil {
		t.Errorf("NewFront() = %v, %v, want an error that names Retry.Attempts", front, err)
	}
}

func TestRefusing(t *testing.T) {
	reg := prometheus.NewRegistry()
	refuse, err := stringsvc.Refusing(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{508, 504, 508} {
		w := httptest.NewRecorder()
		refuse(w, nil, status, "why <not>")
		if want := `{"err":"why <not>"}` + "\n"; w.Code != status || w.Body.String() != want {
			t.Errorf("refused with %d %s, want %d %s", w.Code, w.Body, status, want)
		}
	}
	if n := scrape(t, reg)["my_group_string_service_loop_count"]; n != 2 {
		t.Errorf("loop_count = %v, want 2", n)
	}
	_, err = stringsvc.Refusing(reg)
	if _, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); !ok {
		t.Errorf("Refusing() of the same registry = %v, want an AlreadyRegisteredError", err)
	}
}
