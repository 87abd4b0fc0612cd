package conformance

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"time"
)

// rawConn is a server's end of a connection in the hands of a script. When the peer is gone, the methods that read end
// the script's goroutine; the methods that write do nothing.
type rawConn struct {
	net.Conn // decrypted
	tcp      *end
	e        *env
	n        int // 1 for the first connection that was accepted
	br       *bufio.Reader
}

func (c *rawConn) serve(run func(*rawConn)) {
	defer c.Close()
	defer io.Copy(io.Discard, c.tcp) // until the client closes
	c.br = bufio.NewReader(c.Conn)
	run(c)
}

// request reads the head of a request. The body is there to be read.
func (c *rawConn) request() *http.Request {
	req, err := http.ReadRequest(c.br)
	if err != nil {
		runtime.Goexit()
	}
	return req
}

// whole reads a request with its body; ok is false if the body was cut short.
func (c *rawConn) whole() (req *http.Request, body string, ok bool) {
	req = c.request()
	b, err := io.ReadAll(req.Body)
	return req, string(b), err == nil
}

// send writes bytes as they are.
func (c *rawConn) send(format string, args ...any) {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	io.WriteString(c.Conn, format)
}

// endless writes s over and over, and returns how much the client took before it had enough; at most limit.
func (c *rawConn) endless(s string, limit int) (took int) {
	for took < limit {
		n, err := io.WriteString(c.Conn, s)
		if took += n; err != nil {
			return took
		}
	}
	return took
}

// reset closes the connection with a RST, as the kernel does for a process that was killed with unread bytes.
func (c *rawConn) reset() {
	c.tcp.SetLinger(0)
	c.tcp.Close()
}

// cut closes the connection with a FIN and nothing before, not even the goodbye of TLS.
func (c *rawConn) cut() {
	c.tcp.CloseWrite()
}

// ok is a whole reply.
func ok(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// untilPOST answers all requests with their paths, until one comes by POST.
func (c *rawConn) untilPOST() *http.Request {
	for {
		req := c.request()
		if req.Method == "POST" {
			return req
		}
		c.send("%s", ok(req.URL.Path))
	}
}

// answers replies to every request with its path, which is always right.
func (c *rawConn) answers() {
	for {
		req, _, whole := c.whole()
		if !whole {
			return
		}
		c.send("%s", ok(req.URL.Path))
	}
}

// settling is how long a client has to see what has come on an idle connection, if it does not close that sooner.
const settling = 100 * time.Millisecond

// settle waits until the client has closed the connection, or has had the time to. What it sends meanwhile stays.
func (c *rawConn) settle() {
	c.tcp.SetReadDeadline(time.Now().Add(settling))
	c.br.Peek(1)
	c.tcp.SetReadDeadline(time.Time{})
}
