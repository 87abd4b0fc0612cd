package conformance

import (
	"bufio"
	"io"
	"net/http"
	"strings"
)

// A reply of 101 has a body that can be written, and is the connection.
var upgradeCases = []testCase{
	{"both-ways", onHTTP1, contract, upgradeBothWays},
	{"bytes-after-head", onHTTP1, contract, upgradeBytesAfterHead},
	{"big", onHTTP1, contract, upgradeBig},
	{"closed-by-client", onHTTP1, contract, upgradeClosedByClient},
	{"closed-by-server", onHTTP1, contract, upgradeClosedByServer},
	{"not-reused", onHTTP1, contract, upgradeNotReused},
	{"refused", onHTTP1, contract, upgradeRefused},
	{"half-closed", onHTTP1, custom, upgradeHalfClosed},
}

const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n"

// upgrade asks for another protocol and gets it.
func (e *env) upgrade() io.ReadWriteCloser {
	e.Helper()
	req := e.request("GET", "/", nil)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "lines")
	resp := e.must(req)
	if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Upgrade") != "lines" {
		e.Fatalf("the reply is %s, %v, want 101", resp.Status, resp.Header)
	}
	body, ok := resp.Body.(io.ReadWriteCloser)
	if !ok {
		e.Fatalf("the Body of a 101 is a %T, which cannot be written", resp.Body)
	}
	return body
}

// lines answers every line in upper case.
func (c *rawConn) lines() {
	for {
		line, err := c.br.ReadString('\n')
		if err != nil {
			return
		}
		c.send("%s", strings.ToUpper(line))
	}
}

// say writes a line and reads the answer.
func (e *env) say(conn io.ReadWriter, line string) {
	e.Helper()
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(conn, line)
		sent <- err
	}()
	if err := wait(e, sent, "Write on an upgraded connection"); err != nil {
		e.Fatal(err)
	}
	if got := e.readN(conn, len(line)); got != strings.ToUpper(line) {
		e.Fatalf("said %q, heard %q", line, got)
	}
}

func upgradeBothWays(e *env) {
	e.script(func(c *rawConn) {
		if req := c.request(); req.Header.Get("Upgrade") != "lines" || !strings.EqualFold(req.Header.Get("Connection"), "upgrade") {
			e.Errorf("the request arrives with %v", req.Header)
		}
		c.send(switching)
		c.lines()
	})
	conn := e.upgrade()
	for _, line := range []string{"one\n", "two\n", payload(3000) + "\n"} {
		e.say(conn, line)
	}
	conn.Close()
}

// What the server sends along with the head is not lost in a buffer.
func upgradeBytesAfterHead(e *env) {
	early := payload(3000)
	e.script(func(c *rawConn) {
		c.request()
		c.send("%s%s", switching, early)
		c.lines()
	})
	conn := e.upgrade()
	if got := e.readN(conn, 1); got != early[:1] {
		e.Fatalf("the first byte is %q", got)
	}
	if got := e.readN(conn, len(early)-1); got != early[1:] {
		e.Fatalf("what came with the head is %q, want %q", brief(got), brief(early[1:]))
	}
	e.say(conn, "and now\n")
	conn.Close()
}

// More than all buffers hold, in both directions at once.
func upgradeBig(e *env) {
	const size = 8 << 20
	e.script(func(c *rawConn) {
		c.request()
		c.send(switching)
		io.CopyN(c.Conn, c.br, size)
	})
	conn := e.upgrade()
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(conn, io.LimitReader(endless{}, size))
		sent <- err
	}()
	if got := e.readN(conn, size); strings.Trim(got, "x") != "" {
		e.Error("what came back is not what was sent")
	}
	if err := wait(e, sent, "all to be written"); err != nil {
		e.Error(err)
	}
	conn.Close()
}

func upgradeClosedByClient(e *env) {
	gone := make(chan struct{})
	e.script(func(c *rawConn) {
		c.request()
		c.send(switching)
		c.lines()
		close(gone)
	})
	conn := e.upgrade()
	e.say(conn, "one\n")
	conn.Close()
	wait(e, gone, "the server to see the end")
	if _, err := conn.Write([]byte("two\n")); err == nil {
		e.Error("Write after Close = nil, want an error")
	}
}

func upgradeClosedByServer(e *env) {
	e.script(func(c *rawConn) {
		c.request()
		c.send(switching + "goodbye")
		c.Close()
	})
	conn := e.upgrade()
	if got, err := e.read(&http.Response{Body: conn}); got != "goodbye" || err != nil {
		e.Errorf("the rest is %q, %v, want goodbye and io.EOF", got, err)
	}
}

// The connection belongs to who has the body: other requests do not use it.
func upgradeNotReused(e *env) {
	e.script(func(c *rawConn) {
		for {
			req := c.request()
			if req.Header.Get("Upgrade") != "" {
				break
			}
			c.send("%s", ok(req.URL.Path))
		}
		c.send(switching)
		c.lines()
	})
	conn := e.upgrade()
	e.get("/next", "/next")
	e.say(conn, "still here\n")
	conn.Close()
	e.get("/next", "/next")
}

// A server that knows no other protocol answers as ever.
func upgradeRefused(e *env) {
	e.script((*rawConn).answers)
	req := e.request("GET", "/", nil)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "lines")
	if got := e.fetch(req); got != "/" {
		e.Errorf("the reply is %q", got)
	}
	e.get("/next", "/next")
}

// CloseWrite ends one direction, over TCP.
func upgradeHalfClosed(e *env) {
	e.script(func(c *rawConn) {
		c.request()
		c.send(switching)
		all, _ := io.ReadAll(bufio.NewReader(c.br))
		c.send("%s", all)
		c.Close()
	})
	conn := e.upgrade()
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		conn.Close()
		e.Fatalf("the Body of a 101 is a %T, which has no CloseWrite", conn)
	}
	io.WriteString(conn, "all of it")
	if err := half.CloseWrite(); err != nil {
		conn.Close()
		e.Fatal(err)
	}
	if got, err := e.read(&http.Response{Body: conn}); got != "all of it" || err != nil {
		e.Errorf("read %q, %v", got, err)
	}
}
