//go:build unix

package rotahttp_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rota-go/rota/rotahttp"
)

// The first signal lets the server leave, the second one at once. Others who asked for the signal get it as well, also
// when Run has returned.
func TestRunSignals(t *testing.T) {
	others := make(chan os.Signal, 10)
	signal.Notify(others, syscall.SIGTERM) // or the test would end
	defer signal.Stop(others)
	kill := func() {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		<-others
	}
	addr, draining, entered, ended := make(chan net.Addr, 1), make(chan bool, 1), make(chan bool, 1), make(chan error, 1)
	r := &rotahttp.Runner{
		Listening: func(a net.Addr) { addr <- a },
		Draining:  func() { draining <- true },
	}
	srv := &http.Server{Addr: "127.0.0.1:0", Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		entered <- true
		<-r.Context().Done()
	})}
	go func() { ended <- r.Run(context.Background(), srv) }()
	url := "http://" + (<-addr).String()
	go func() {
		if resp, err := http.Get(url); err == nil {
			resp.Body.Close()
		}
	}()
	<-entered
	kill()
	<-draining
	began := time.Now()
	kill()
	if err := <-ended; !errors.Is(err, rotahttp.ErrCutOff) || time.Since(began) > 3*time.Second {
		t.Errorf("Run() = %v after %v, want that the request was cut off at once", err, time.Since(began))
	}
	kill() // ends nothing
	http.DefaultClient.CloseIdleConnections()
	wantNoGoroutines(t)
}

// wantNoGoroutines waits until nothing of rotahttp runs but the test.
func wantNoGoroutines(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		buf := make([]byte, 1<<20)
		all := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
		var left []string
		for _, g := range all {
			if strings.Contains(g, "rota-go/rota/rotahttp") && !strings.Contains(g, "wantNoGoroutines") && !strings.Contains(g, "testing.(*T).Run") {
				left = append(left, g)
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
		}
		runtime.Gosched()
	}
}
