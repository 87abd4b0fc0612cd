package rotatest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"

	"github.com/rota-go/rota/internal/memnet"
)

// Fault is what is wrong with a replica. The zero value is nothing: the handler answers. A Fault may be used for several
// replicas.
type Fault struct {
	kind  kind
	after time.Duration
	serve http.Handler // of replies
}

type kind uint8

const (
	healthy kind = iota
	replies      // by serve
	hangs
	resets
	cuts
	speaksGarbage
	refuses
	swallows
)

// Slow lets the handler answer after d.
func Slow(d time.Duration) Fault { return Fault{after: d} }

// Hang lets a request wait until its sender gives it up.
func Hang() Fault { return Fault{kind: hangs} }

// Status replies with a status and no body. header is keys and values in turn: Status(503, "Retry-After", "2").
func Status(code int, header ...string) Fault {
	if len(header)%2 != 0 {
		panic("rotatest: Status wants a value for each header")
	}
	return Reply(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Add(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}))
}

// Reply lets h answer in the handler's place.
func Reply(h http.Handler) Fault { return Fault{kind: replies, serve: h} }

// Reset resets the connection when the request has arrived, before any reply. Of an idempotent request whose connection
// had been used before, an http.Transport makes a second one on its own account, on a fresh connection: Calls may count
// two.
func Reset() Fault { return Fault{kind: resets} }

// Cut lets the handler answer, and closes the connection after half of the body (of a body of one byte or none, before
// it, though a byte was announced).
func Cut() Fault { return Fault{kind: cuts} }

// Garbage replies with bytes that are not HTTP.
func Garbage() Fault { return Fault{kind: speaksGarbage} }

// Refuse is a process that has died: what is under way is cut off, all its connections are closed, and new ones are
// refused.
func Refuse() Fault { return Fault{kind: refuses} }

// BlackHole is a host that is gone without a word: to connect takes until the one who does has had enough. Idle
// connections are closed. Requests under way go on.
func BlackHole() Fault { return Fault{kind: swallows} }

// After returns the same fault, which shows only d after a request's arrival. It means nothing for Refuse and BlackHole,
// where no request arrives.
func (f Fault) After(d time.Duration) Fault {
	f.after = d
	return f
}

// answer is what a replica with the fault does with a request.
func (f Fault) answer(w http.ResponseWriter, r *http.Request, healthy http.Handler) {
	if f.after > 0 {
		t := time.NewTimer(f.after)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			return
		}
	}
	switch f.kind {
	case replies:
		f.serve.ServeHTTP(w, r)
	case hangs:
		if _, err := io.Copy(io.Discard, r.Body); err == nil { // then the server notices that the sender has left
			<-r.Context().Done()
		}
	case resets:
		hijack(w).Reset()
	case cuts:
		cut(w, r, healthy)
	case speaksGarbage:
		c := hijack(w)
		defer c.Close()
		io.WriteString(c, "\x15\x03\x01\x00\x02\x02\x28\r\n\r\n") // a TLS alert
	default:
		healthy.ServeHTTP(w, r)
	}
}

// cut answers with half of what h does.
func cut(w http.ResponseWriter, r *http.Request, h http.Handler) {
	whole := httptest.NewRecorder()
	h.ServeHTTP(whole, r)
	for key, v := range whole.Header() {
		w.Header()[key] = v
	}
	body := whole.Body.Bytes()
	w.Header().Set("Content-Length", strconv.Itoa(max(len(body), 1)))
	w.WriteHeader(whole.Code)
	w.Write(body[:len(body)/2])
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler) // closes the connection
}

// hijack takes the connection from the server.
func hijack(w http.ResponseWriter) *memnet.Conn {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err) // the connections of replicas can be taken
	}
	return c.(*memnet.Conn)
}
