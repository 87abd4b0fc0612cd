package stringsvc

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// maxKept is the largest buffer kept for the next request, in bytes.
const maxKept = 64 << 10

type uppercaseReply struct {
	V   string `json:"v"`
	Err string `json:"err,omitempty"`
}

type countReply struct {
	V int `json:"v"`
}

type statusReply struct {
	Status string `json:"status"`
}

type errorReply struct {
	Err string `json:"err"`
}

// exchange is the memory one request and its reply need.
type exchange struct {
	body       []byte
	out        bytes.Buffer
	encoder    *json.Encoder // to out
	uppercased uppercaseReply
	counted    countReply
}

func newExchange() *exchange {
	x := &exchange{body: make([]byte, 0, 512)}
	x.encoder = json.NewEncoder(&x.out)
	x.encoder.SetEscapeHTML(false) // '<' stays '<': nobody reads this as HTML
	return x
}

// reply sends value as one line of JSON. It is called once a reply.
func (x *exchange) reply(w http.ResponseWriter, status int, value any) {
	x.out.Reset()
	if err := x.encoder.Encode(value); err != nil {
		panic(err) // a type of this file that JSON cannot express
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(x.out.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(x.out.Bytes()) // the caller has gone, or never reads a body
}

// replyError sends {"err":text}.
func replyError(w http.ResponseWriter, status int, text string) {
	newExchange().reply(w, status, errorReply{text})
}

// allow reports whether r has one of methods; when it has not, it replied.
func allow(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	for _, m := range methods {
		if r.Method == m {
			return true
		}
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	replyError(w, http.StatusMethodNotAllowed, "method is not one of "+strings.Join(methods, ", "))
	return false
}
