// Command quickreplica is the least that a replica can be: it reads requests off kept connections, their bodies by their
// length, and answers all of them alike, so that a proxy on the same machine has the processors for itself.
//
// A path that is a number, such as /10000, is answered with so many bytes; every other one with 13.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "`addresses` to listen on, with commas between")
	flag.Parse()
	ended := make(chan error)
	addrs := strings.Split(*listen, ",")
	for _, addr := range addrs {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			fmt.Fprintln(os.Stderr, "quickreplica:", err)
			os.Exit(1)
		}
		go func() { ended <- serve(l) }()
	}
	fmt.Fprintln(os.Stderr, "quickreplica:", <-ended)
	os.Exit(1)
}

// serve answers until l is closed, and then for as long as its clients stay.
func serve(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() { // ends with the connection
			defer c.Close()
			_ = talk(c)
		}()
	}
}

// maxHead bounds the head of a request.
const maxHead = 8 << 10

// talk answers request after request.
func talk(c net.Conn) error {
	in := bufio.NewReaderSize(c, maxHead)
	known := map[string][]byte{}
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		method, rest, _ := bytes.Cut(line, []byte(" "))
		path, _, ok := bytes.Cut(rest, []byte(" "))
		if !ok || string(method) != "GET" && string(method) != "POST" {
			return refuse(c, in, "want GET or POST")
		}
		reply := known[string(path)]
		if reply == nil {
			if len(known) > 10 {
				clear(known)
			}
			reply = replyTo(string(path))
			known[string(path)] = reply
		}
		length, err := readHeader(in)
		if err != nil {
			return refuse(c, in, err.Error())
		}
		if _, err := in.Discard(length); err != nil {
			return err
		}
		if _, err := c.Write(reply); err != nil {
			return err
		}
	}
}

// refuse answers, and lets the client send what it is about to: it would get an error instead of the answer otherwise.
func refuse(c net.Conn, in *bufio.Reader, why string) error {
	_, err := c.Write([]byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
	if t, ok := c.(*net.TCPConn); ok && err == nil {
		err = errors.Join(t.CloseWrite(), t.SetReadDeadline(time.Now().Add(time.Second)))
		_, _ = io.CopyN(io.Discard, in, maxBody) // until the client closes
	}
	return errors.Join(errors.New(why), err)
}

// maxBody bounds the body of a request.
const maxBody = 1 << 20

// readHeader reads to the end of a header, and returns the length of the body that follows.
func readHeader(in *bufio.Reader) (length int, err error) {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return length, nil
		}
		switch key, value, _ := bytes.Cut(line, []byte(":")); {
		case bytes.EqualFold(key, []byte("Content-Length")):
			length, err = strconv.Atoi(string(bytes.TrimSpace(value)))
			if err != nil || length < 0 || length > maxBody {
				return 0, errors.New("the length is no length, or too much")
			}
		case bytes.EqualFold(key, []byte("Transfer-Encoding")):
			return 0, errors.New("want a body of known length")
		}
	}
}

// maxReply bounds what a path asks for.
const maxReply = 1 << 20

func replyTo(path string) []byte {
	body := []byte("Hello, world!")
	if n, err := strconv.Atoi(strings.TrimPrefix(path, "/")); err == nil && n >= 0 && n <= maxReply {
		body = bytes.Repeat([]byte("x"), n)
	}
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}
