package conformance

import (
	"encoding/binary"
	"io"
	"runtime"
)

// The frames of HTTP/2 (RFC 9113, 6) that a script needs.
const (
	frameData     = 0x0
	frameHeaders  = 0x1
	frameReset    = 0x3
	frameSettings = 0x4
	framePing     = 0x6
	frameGoAway   = 0x7

	flagEndStream  = 0x1 // of data and headers
	flagAck        = 0x1 // of settings and ping
	flagEndHeaders = 0x4

	codeInternal = 0x2
	codeRefused  = 0x7
	codeCalmDown = 0xb
)

// status200 is a block of headers: ":status: 200" from the static table.
const status200 = "\x88"

// frame is one frame.
type frame struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

// h2Conn is a server's end of a connection of HTTP/2 in the hands of a script. It does not look into headers, and has no
// flow control: bodies have to be small.
type h2Conn struct {
	*rawConn
	acks int // of pings
}

// scriptHTTP2 is script for HTTP/2, after the preface.
func (e *env) scriptHTTP2(run func(*h2Conn)) {
	e.script(func(raw *rawConn) {
		c := &h2Conn{rawConn: raw}
		if _, err := io.ReadFull(c.br, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
			return
		}
		c.frame(frameSettings, 0, 0, "")
		run(c)
	})
}

func (c *h2Conn) frame(kind, flags byte, stream uint32, payload string) {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	head = append(head, flags)
	head = binary.BigEndian.AppendUint32(head, stream)
	c.send("%s%s", head, payload)
}

// one reads a frame. It answers settings and pings, and reports false for those.
func (c *h2Conn) one() (f frame, ok bool) {
	var head [9]byte
	if _, err := io.ReadFull(c.br, head[:]); err != nil {
		runtime.Goexit()
	}
	f = frame{kind: head[3], flags: head[4], stream: binary.BigEndian.Uint32(head[5:]) &^ (1 << 31)}
	f.payload = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
	if _, err := io.ReadFull(c.br, f.payload); err != nil {
		runtime.Goexit()
	}
	switch {
	case f.kind == framePing && f.flags&flagAck != 0:
		c.acks++
	case f.kind == frameSettings && f.flags&flagAck == 0:
		c.frame(frameSettings, flagAck, 0, "")
	case f.kind == framePing:
		c.frame(framePing, flagAck, 0, string(f.payload))
	default:
		return f, true
	}
	return f, false
}

// request reads a request to its end.
func (c *h2Conn) request() (stream uint32, body string) {
	for {
		f, ok := c.one()
		if !ok {
			continue
		}
		switch f.kind {
		case frameHeaders:
			stream, body = f.stream, ""
		case frameData:
			body += string(f.payload)
		}
		if f.flags&flagEndStream != 0 && (f.kind == frameHeaders || f.kind == frameData) && f.stream == stream {
			return stream, body
		}
	}
}

// reply answers a request.
func (c *h2Conn) reply(stream uint32, body string) {
	c.frame(frameHeaders, flagEndHeaders, stream, status200)
	c.frame(frameData, flagEndStream, stream, body)
}

func (c *h2Conn) resetStream(stream, code uint32) {
	c.frame(frameReset, 0, stream, string(binary.BigEndian.AppendUint32(nil, code)))
}

// goAway says that streams after last are not looked at.
func (c *h2Conn) goAway(last, code uint32) {
	c.frame(frameGoAway, 0, 0, string(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), code)))
}
