package dns

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"
)

// message is what a DNS message (RFC 1035, section 4) says that net does not pass on. Addresses are read by net.
type message struct {
	id       uint16
	question question

	response  bool
	truncated bool
	rcode     int  // with the upper bits that EDNS brings
	records   bool // the answer has some of the type that was asked
	referral  bool // says nothing, but that somebody else may know
	// ttl is the smallest of those records and of the aliases before them. Without records it says how long that may be
	// believed (RFC 2308). noTTL if the message does not tell.
	ttl time.Duration
}

// question is a name, in lower case as its labels stand on the wire, and a type.
type question struct {
	name string
	kind uint16
}

// noTTL is the TTL of what came without one.
const noTTL time.Duration = -1

const (
	kindA     = 1
	kindCNAME = 5
	kindSOA   = 6
	kindAAAA  = 28
	kindDNAME = 39
	kindOPT   = 41

	classIN = 1

	rcodeSuccess = 0
	rcodeNoName  = 3

	headerSize  = 12
	maxMessage  = 64 << 10
	maxNameSize = 255
)

// settles says that the question needs no other server: there are records, or there certainly are none.
func (m message) settles() bool {
	return m.rcode == rcodeNoName || m.rcode == rcodeSuccess && !m.referral
}

var errMessage = errors.New("malformed DNS message")

// readMessage reads a query or a response. It follows no compression pointer, so no message can lead it in circles, and looks
// at each byte at most twice.
func readMessage(b []byte) (message, error) {
	if len(b) < headerSize || len(b) > maxMessage {
		return message{}, errMessage
	}
	flags := binary.BigEndian.Uint16(b[2:])
	count := func(i int) int { return int(binary.BigEndian.Uint16(b[4+2*i:])) }
	m := message{
		id:        binary.BigEndian.Uint16(b),
		response:  flags&0x8000 != 0,
		truncated: flags&0x0200 != 0,
		rcode:     int(flags & 0xf),
		ttl:       noTTL,
	}
	if count(0) != 1 {
		return message{}, errMessage
	}
	r := reader{rest: b[headerSize:]}
	m.question = r.question()
	negative := noTTL
	for section := answers; section <= additionals; section++ {
		for range count(int(section)) {
			rec := r.record()
			if r.bad {
				return message{}, errMessage
			}
			m.take(section, rec, &negative)
		}
	}
	if r.bad {
		return message{}, errMessage
	}
	if !m.records {
		m.ttl = negative
	}
	const authoritative, recursive = 0x0400, 0x0080
	m.referral = !m.records && count(1) == 0 && count(3) == 0 && flags&(authoritative|recursive) == 0
	return m, nil
}

// section is a part of a message that has records.
type section int

const (
	answers section = iota + 1
	authorities
	additionals
)

func (m *message) take(s section, r record, negative *time.Duration) {
	switch {
	case s == answers && r.class == classIN && (r.kind == m.question.kind || r.kind == kindCNAME || r.kind == kindDNAME):
		m.records = m.records || r.kind == m.question.kind
		m.ttl = shorter(m.ttl, r.age())
	case s == authorities && r.class == classIN && r.kind == kindSOA:
		*negative = shorter(*negative, r.negative())
	case s == additionals && r.kind == kindOPT:
		m.rcode |= int(r.ttl>>24) << 4 // RFC 6891; its other bits are no time either
	}
}

// shorter is the smaller of two TTLs, of which one may be missing.
func shorter(a, b time.Duration) time.Duration {
	if a == noTTL || b == noTTL {
		return max(a, b)
	}
	return min(a, b)
}

// record is a resource record without its name.
type record struct {
	kind, class uint16
	ttl         uint32
	data        []byte
}

func (r record) age() time.Duration { return seconds(r.ttl) }

// negative is what a SOA record says of names that do not exist: its last number, at most its own TTL.
func (r record) negative() time.Duration {
	in := reader{rest: r.data}
	in.name()
	in.name()
	in.bytes(4 * 4) // serial, refresh, retry, expire
	minimum := in.uint32()
	if in.bad {
		return noTTL
	}
	return min(seconds(minimum), r.age())
}

// seconds takes what has its highest bit set for zero, as RFC 2181, section 8 says.
func seconds(ttl uint32) time.Duration {
	if ttl > 1<<31-1 {
		return 0
	}
	return time.Duration(ttl) * time.Second
}

// reader takes a message apart from its front. After the first byte that is missing or wrong it is bad, and reads zeros.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) bytes(n int) []byte {
	if r.bad || n > len(r.rest) {
		r.bad = true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) uint16() uint16 {
	if b := r.bytes(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// name skips a name, and reports whether it stood there in full: a pointer to an earlier one ends it as the root does.
func (r *reader) name() (full bool) {
	for size := 0; size < maxNameSize; {
		b := r.bytes(1)
		switch {
		case b == nil:
			return false
		case b[0] == 0:
			return true
		case b[0] >= 0xc0:
			r.bytes(1)
			return false
		case b[0] > 63:
			r.bad = true
			return false
		}
		r.bytes(int(b[0]))
		size += 1 + int(b[0])
	}
	r.bad = true
	return false
}

func (r *reader) question() question {
	start := r.rest
	if full := r.name(); !full { // it is the first name, so there is nothing to point to
		r.bad = true
		return question{}
	}
	name := start[:len(start)-len(r.rest)]
	q := question{name: string(bytes.ToLower(name)), kind: r.uint16()}
	r.uint16() // the class
	return q
}

func (r *reader) record() record {
	r.name()
	rec := record{kind: r.uint16(), class: r.uint16(), ttl: r.uint32()}
	rec.data = r.bytes(int(r.uint16()))
	return rec
}
