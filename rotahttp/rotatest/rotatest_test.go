package rotatest_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/rotahttp/rotatest"
)

func TestSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		echo := func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }
		rs := rotatest.New(t, 2, http.HandlerFunc(echo))
		req, _ := http.NewRequest("PUT", "http://replica-1:80/a%2Fb?c=d", strings.NewReader("body"))
		req.Header.Set("X-Key", "value")
		resp, err := rs.Transport().RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); string(b) != "body" || err != nil {
			t.Errorf("the handler read %q, %v, want the body", b, err)
		}
		seen := rs.Replica(1).Seen()
		if len(seen) != 1 || rs.Replica(0).Calls() != 0 {
			t.Fatalf("Seen() = %v, want one request, at replica 1 alone", seen)
		}
		got := seen[0]
		if got.Method != "PUT" || got.URI != "/a%2Fb?c=d" || got.Host != "replica-1:80" ||
			got.Header.Get("X-Key") != "value" || string(got.Body) != "body" {
			t.Errorf("Seen() = %+v, want what was sent", got)
		}
	})
}

func TestInUseCountsWhatIsNotReadToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs := rotatest.New(t, 1, http.HandlerFunc(hello))
		var bodies []io.ReadCloser
		for range 3 {
			resp, err := rs.Transport().RoundTrip(get("replica-0:80"))
			if err != nil {
				t.Fatal(err)
			}
			bodies = append(bodies, resp.Body)
		}
		for i, body := range bodies {
			if n := rs.InUse(); n != 3-i {
				t.Errorf("InUse() = %d, want %d", n, 3-i)
			}
			if i == 0 {
				io.Copy(io.Discard, body)
			}
			body.Close()
			synctest.Wait()
		}
		if n := rs.InUse(); n != 0 {
			t.Errorf("InUse() = %d, want 0", n)
		}
	})
}

// Faults may be switched while requests are under way.
func TestConcurrentUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs := rotatest.New(t, 3, http.HandlerFunc(hello))
		faults := []rotatest.Fault{
			{}, rotatest.Slow(time.Millisecond), rotatest.Status(500), rotatest.Reset(), rotatest.Cut(),
			rotatest.Garbage(), rotatest.Refuse(), rotatest.BlackHole(),
		}
		var wg sync.WaitGroup
		for i := range rs.Len() {
			r := rs.Replica(i)
			wg.Go(func() {
				for j := range 40 {
					r.Set(faults[j%len(faults)])
					time.Sleep(time.Millisecond)
				}
			})
			for range 4 {
				wg.Go(func() {
					for range 50 {
						ask(t.Context(), rs.Transport(), "GET", r.Addr(), "")
						r.Seen()
						r.Cancelled()
					}
				})
			}
		}
		wg.Wait()
		rs.Close()
		synctest.Wait()
		for i := range rs.Len() {
			if n := rs.Replica(i).Active(); n != 0 {
				t.Errorf("Active() = %d, want 0", n)
			}
		}
		if n := rs.InUse(); n != 0 {
			t.Errorf("InUse() = %d, want 0", n)
		}
	})
}

// A handler that waits for its request's end does not keep Close waiting, whatever it has read.
func TestCloseEndsRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waits := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		rs := rotatest.New(t, 1, http.HandlerFunc(waits))
		unread, end := io.Pipe()
		defer end.Close()
		for _, body := range []io.Reader{nil, strings.NewReader("short"), unread} {
			req, _ := http.NewRequest("POST", "http://replica-0:80/", body)
			go func() {
				if resp, err := rs.Transport().RoundTrip(req); err == nil {
					resp.Body.Close()
				}
			}()
		}
		synctest.Wait()
		if n := rs.Replica(0).Active(); n != 3 {
			t.Errorf("Active() = %d, want 3", n)
		}
		rs.Close()
		rs.Close()
		if n := rs.Replica(0).Active(); n != 0 {
			t.Errorf("Active() = %d, want 0", n)
		}
	})
}

func TestAddrOutsideOfAReplica(t *testing.T) {
	if got := rotatest.Addr(get("replica-0:80")); got != "" {
		t.Errorf("Addr() = %q, want none", got)
	}
}

func get(addr string) *http.Request {
	req, err := http.NewRequest("GET", "http://"+addr+"/", nil)
	if err != nil {
		panic(err)
	}
	return req
}
