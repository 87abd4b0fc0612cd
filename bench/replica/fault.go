package replica

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// A Fault answers in place of the service. answer is the right reply, for faults that only delay or damage it. A fault that
// waits must stop waiting when the request's context ends.
type Fault func(w http.ResponseWriter, r *http.Request, answer []byte)

func healthy(w http.ResponseWriter, _ *http.Request, answer []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer)
}

// Slow answers well after d.
func Slow(d time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, answer []byte) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			healthy(w, r, answer)
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}

// Hang never answers: it waits for the caller to go away or the replica to close. It ends in a panic, for a handler that
// returns has answered: an empty 200.
func Hang(_ http.ResponseWriter, r *http.Request, _ []byte) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// Broken answers 500 with the body {}, which a decoder that ignores the status takes for an empty answer.
func Broken(w http.ResponseWriter, _ *http.Request, _ []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write([]byte("{}"))
}

// Busy answers 503 and asks to be left alone for the given time, in whole seconds.
func Busy(retryAfter time.Duration) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter/time.Second)))
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// Page answers 200 with HTML, as a captive portal or a misplaced error page does.
func Page(w http.ResponseWriter, _ *http.Request, _ []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte("<!doctype html><title>It works!</title>"))
}

// Reset breaks the connection with a TCP reset.
func Reset(w http.ResponseWriter, _ *http.Request, _ []byte) {
	conn := hijack(w)
	if tcp, ok := conn.(interface{ SetLinger(sec int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// Garbage answers with bytes that are not HTTP.
func Garbage(w http.ResponseWriter, _ *http.Request, _ []byte) {
	conn := hijack(w)
	_, _ = conn.Write([]byte("\x15\x03\x01\x00\x02\x02\x46 this is not HTTP\r\n\r\n"))
	_ = conn.Close()
}

// Cut announces the whole answer, sends half of it and closes.
func Cut(w http.ResponseWriter, _ *http.Request, answer []byte) {
	conn := hijack(w)
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		len(answer), answer[:len(answer)/2])
	_ = conn.Close()
}

// EveryOther applies f to the first, third, … call and answers the rest well.
func EveryOther(f Fault) Fault {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, answer []byte) {
		if n.Add(1)%2 == 1 {
			f(w, r, answer)
			return
		}
		healthy(w, r, answer)
	}
}

// Sometimes applies f to a share of the calls, drawn at random, and answers the rest well.
func Sometimes(share float64, f Fault) Fault {
	return func(w http.ResponseWriter, r *http.Request, answer []byte) {
		if rand.Float64() < share {
			f(w, r, answer)
			return
		}
		healthy(w, r, answer)
	}
}

// hijack takes the connection over. The replica speaks HTTP/1.1 only, where that cannot fail.
func hijack(w http.ResponseWriter) net.Conn {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(fmt.Sprintf("replica: hijack: %v", err))
	}
	return conn
}
