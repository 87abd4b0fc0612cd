package h1

import (
	"bytes"
	"net/http"
	"sync"
)

// Message is a request as it travels, whole. It may be sent again when nothing of it was sent, until it is freed.
type Message struct {
	req *http.Request
	buf bytes.Buffer
	// Informational is told of replies that are not final, but for a switch of protocols; nil = nobody is.
	Informational func(status int, header http.Header)
}

var messages = sync.Pool{New: func() any { return new(Message) }}

// maxKept is the longest message whose memory is kept for others, in bytes.
const maxKept = 16 << 10

// Encode returns req as it is sent. req, for which Fits is true, is not changed but for its body, which is read and closed. It
// must not be changed until the message is freed.
func Encode(req *http.Request) (*Message, error) {
	m := messages.Get().(*Message)
	m.req = req
	if err := req.Write(&m.buf); err != nil {
		m.Free()
		return nil, err
	}
	return m, nil
}

// Free ends the use of the message.
func (m *Message) Free() {
	m.req, m.Informational = nil, nil
	if m.buf.Cap() > maxKept {
		m.buf = bytes.Buffer{}
	}
	m.buf.Reset()
	messages.Put(m)
}
