// Command faultyreplica is a replica of the string service as a process of its own, which misbehaves on command and reports
// every call that arrives.
//
// Commands come in lines on stdin, and each is answered with the line "set" on stdout once it holds; see parseFault. Stdin's end
// ends the process, so that no replica outlives the harness that started it. For every call that arrives, stdout gets
// a line with the time in microseconds since 1970: what is killed a moment later has still been counted.
package main

import (
	"bufio"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/rota-go/rota/bench/replica"
)

func main() {
	var (
		listen = flag.String("listen", "127.0.0.1:0", "`address` to listen on")
		cert   = flag.String("cert", "", "PEM `file` with a certificate; serve https")
		wrong  = flag.String("wrong-cert", "", "PEM `file` with a certificate for another name, for the fault tls-name")
		key    = flag.String("key", "", "PEM `file` with the key of both")
	)
	flag.Parse()
	var certs []tls.Certificate
	for _, file := range []string{*cert, *wrong} {
		if file == "" {
			continue
		}
		c, err := tls.LoadX509KeyPair(file, *key)
		if err != nil {
			fail(err)
		}
		certs = append(certs, c)
	}
	if err := run(*listen, certs, os.Stdin, os.Stdout); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "faultyreplica:", err)
	os.Exit(1)
}

// run serves until commands end. It speaks TLS when there are certificates: first the right one, then the wrong one.
func run(addr string, certs []tls.Certificate, commands io.Reader, events io.Writer) error {
	tcp, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	conns := &connections{Listener: tcp, open: make(map[net.Conn]struct{})}
	l, handshake := net.Listener(conns), &handshake{certs: certs}
	if len(certs) > 0 {
		l = tls.NewListener(conns, handshake.config())
	}
	out := &lines{w: events}
	r := replica.Serve(l, func(at time.Time) { out.say(at.UnixMicro()) })
	defer r.Close()
	for in := bufio.NewScanner(commands); in.Scan(); {
		f, mode, err := parseFault(in.Text())
		if err != nil {
			return err
		}
		r.Set(f)
		if handshake.set(mode) {
			conns.closeAll() // those that are open would never shake hands again
		}
		out.say("set")
	}
	return nil
}

// lines writes whole lines, whoever says them.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lines) say(what any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = fmt.Fprintln(l.w, what) // a harness that has gone takes this process with it
}
