package stringsvc_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota/stringsvc"
)

// TestBodiesOnTheWire sends what no http.Client would.
func TestBodiesOnTheWire(t *testing.T) {
	const tooLarge = `{"err":"body is over 16 bytes"}`
	tests := []struct {
		name    string
		headers string // "\n" stands for CRLF here and in the body
		body    string
		half    bool // nothing comes after body, and we say so
		status  int
		reply   string
		closed  bool
	}{
		{name: "length too large, nothing sent", headers: "Content-Length: 17", status: 413, reply: tooLarge, closed: true},
		{name: "length far too large", headers: "Content-Length: 9223372036854775807", status: 413, reply: tooLarge, closed: true},
		{name: "no 100 for a body we do not want", headers: "Expect: 100-continue\nContent-Length: 17", status: 413, reply: tooLarge, closed: true},
		{name: "chunked, as long as allowed", headers: "Transfer-Encoding: chunked", body: "10\n{\"s\":\"12345678\"}\n0\n\n", status: 200, reply: `{"v":"12345678"}`},
		{name: "chunked, a byte too long, no end sent", headers: "Transfer-Encoding: chunked", body: "11\n{\"s\":\"12345678\"} \n", status: 413, reply: tooLarge, closed: true},
		{name: "chunked, too long in two chunks", headers: "Transfer-Encoding: chunked", body: "10\n{\"s\":\"12345678\"}\n1\nx", status: 413, reply: tooLarge, closed: true},
		{name: "chunked, too long and no JSON", headers: "Transfer-Encoding: chunked", body: "11\nxxxxxxxxxxxxxxxxx\n", status: 413, reply: tooLarge, closed: true},
		{name: "body stops", headers: "Content-Length: 13", body: `{"s":`, half: true, status: 400, reply: `{"err":"body ends after 5 of 13 bytes"}`, closed: true},
		{name: "body never starts", headers: "Content-Length: 13", half: true, status: 400, reply: `{"err":"body ends after 0 of 13 bytes"}`, closed: true},
		{name: "whole JSON in a body that stops", headers: "Content-Length: 14", body: `{"s":"hello"}`, half: true, status: 400, reply: `{"err":"body ends after 13 of 14 bytes"}`, closed: true},
		{name: "chunked body stops", headers: "Transfer-Encoding: chunked", body: "d\n{\"s\":", half: true, status: 400, reply: `{"err":"body breaks off after 5 bytes: unexpected EOF"}`, closed: true},
		{name: "chunked body without its end", headers: "Transfer-Encoding: chunked", body: "d\n{\"s\":\"hello\"}\n", half: true, status: 400, reply: `{"err":"body breaks off after 13 bytes: unexpected EOF"}`, closed: true},
		{name: "no chunk", headers: "Transfer-Encoding: chunked", body: "zz\n", status: 400, reply: `{"err":"body breaks off after 0 bytes: invalid byte in chunk length"}`, closed: true},
		{name: "no body at all", status: 400, reply: `{"err":"body is empty, want {\"s\":\"...\"}"}`},
		{name: "the connection lives on", headers: "Content-Length: 9", body: `{"s":"a"}`, status: 200, reply: `{"v":"A"}`},
		{name: "also after an error", headers: "Content-Length: 9", body: `{"s":nul}`, status: 400, reply: `{"err":"line 1, column 9: invalid character '}' in literal null (expecting 'l')"}`},
	}
	url := serve(t, stringsvc.HandlerParams{MaxBody: 16})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			head := strings.TrimSuffix("POST /uppercase HTTP/1.1\nHost: x\n"+tt.headers, "\n") + "\n\n"
			if _, err := io.WriteString(conn, strings.ReplaceAll(head+tt.body, "\n", "\r\n")); err != nil {
				t.Fatal(err)
			}
			if tt.half {
				_ = conn.(*net.TCPConn).CloseWrite()
			}
			r := bufio.NewReader(conn)
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("no reply: %v", err)
			}
			defer resp.Body.Close()
			reply, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tt.status || string(reply) != tt.reply+"\n" || resp.Close != tt.closed {
				t.Errorf("reply = %d %q, %v, close %v, want %d %q, nil, %v",
					resp.StatusCode, reply, err, resp.Close, tt.status, tt.reply, tt.closed)
			}
			if tt.closed {
				if _, err := r.ReadByte(); err == nil || isTimeout(err) {
					t.Errorf("the connection is still open: %v", err)
				}
				return
			}
			if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 200 {
				t.Errorf("next request on the connection: %v, %v, want 200", resp, err)
			}
		})
	}
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// supply is an endless body that counts what is taken from it.
type supply struct{ taken int }

func (s *supply) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	s.taken += len(p)
	return len(p), nil
}

func TestNoMoreIsReadThanItTakesToKnow(t *testing.T) {
	handler := stringsvc.NewHandler(stringsvc.HandlerParams{Service: stringsvc.NewLocal(), MaxBody: 10_000})
	for _, tt := range []struct {
		name           string
		length         int64
		wantTaken      int
		wantConnection string
	}{
		{"declared", 10_001, 0, "close"},
		{"not declared", -1, 10_001, "close"},
	} {
		body := &supply{}
		r := httptest.NewRequest("POST", "/uppercase", body)
		r.ContentLength = tt.length
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != 413 || body.taken != tt.wantTaken || w.Header().Get("Connection") != tt.wantConnection {
			t.Errorf("%s: %d after %d bytes, Connection %q, want 413 after %d, %q",
				tt.name, w.Code, body.taken, w.Header().Get("Connection"), tt.wantTaken, tt.wantConnection)
		}
	}
}

// BenchmarkHandler serves one request again and again, without a network.
func BenchmarkHandler(b *testing.B) {
	for _, tt := range []struct{ path, body string }{
		{"/uppercase", `{"s":"hello"}`},
		{"/count", `{"s":"hello"}`},
		{"/uppercase", `{"s":"` + strings.Repeat("a", 10_000) + `"}`},
	} {
		b.Run(fmt.Sprintf("%s/%d", tt.path[1:], len(tt.body)), func(b *testing.B) {
			handler := stringsvc.NewHandler(stringsvc.HandlerParams{Service: stringsvc.NewLocal()})
			body := strings.NewReader("")
			r := httptest.NewRequest("POST", tt.path, io.NopCloser(body))
			r.ContentLength = int64(len(tt.body))
			w := &replySink{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				body.Reset(tt.body)
				clear(w.header)
				handler.ServeHTTP(w, r)
			}
			if w.status != 200 {
				b.Fatalf("status %d", w.status)
			}
		})
	}
}

// replySink is a ResponseWriter that costs nothing.
type replySink struct {
	header http.Header
	status int
}

func (s *replySink) Header() http.Header         { return s.header }
func (s *replySink) WriteHeader(status int)      { s.status = status }
func (s *replySink) Write(p []byte) (int, error) { return len(p), nil }
