package dnstest

import (
	"encoding/binary"
	"strings"
)

// query is what the server reads of a query.
type query struct {
	id       uint16
	name     string
	kind     uint16
	question []byte // as it came, for the reply
	edns     bool
	room     int // bytes that the reply may take over UDP
}

// reply is what the server says.
type reply struct {
	rcode             int
	truncated         bool
	answer, authority []record
}

func (r reply) withTTL(ttl uint32) reply {
	r.answer = append([]record(nil), r.answer...)
	for i := range r.answer {
		r.answer[i].ttl = ttl
	}
	return r
}

const (
	headerSize = 12
	typeOPT    = 41
)

// readQuery reports false for what is not a query of one question. The name is taken as it is: queries compress nothing.
func readQuery(b []byte) (query, bool) {
	if len(b) < headerSize || b[2]&0x80 != 0 || binary.BigEndian.Uint16(b[4:]) != 1 {
		return query{}, false
	}
	q := query{id: binary.BigEndian.Uint16(b), room: 512}
	rest := b[headerSize:]
	var labels []string
	for {
		if len(rest) == 0 || rest[0] > 63 || len(rest) <= int(rest[0]) {
			return query{}, false
		}
		n := int(rest[0])
		label := string(rest[1 : 1+n])
		rest = rest[1+n:]
		if n == 0 {
			break
		}
		labels = append(labels, label)
	}
	if len(rest) < 4 {
		return query{}, false
	}
	q.name, q.kind = canonical(strings.Join(labels, ".")), binary.BigEndian.Uint16(rest)
	rest = rest[4:]
	q.question = b[headerSize : len(b)-len(rest)]
	// An OPT record has an empty name, and its class is the room.
	if len(rest) >= 5 && rest[0] == 0 && binary.BigEndian.Uint16(rest[1:]) == typeOPT {
		q.edns, q.room = true, max(512, int(binary.BigEndian.Uint16(rest[3:])))
	}
	return q, true
}

func (q query) reply(r reply) []byte {
	flags := uint16(0x8180 | r.rcode&15) // a response, recursion desired and available
	if r.truncated {
		flags |= 0x0200
	}
	additional := uint16(0)
	if q.edns {
		additional = 1
	}
	var b []byte
	for _, n := range []uint16{q.id, flags, 1, uint16(len(r.answer)), uint16(len(r.authority)), additional} {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	b = append(b, q.question...)
	for _, rec := range append(r.answer[:len(r.answer):len(r.answer)], r.authority...) {
		b = rec.append(b, q.name)
	}
	if q.edns {
		b = append(b, 0, 0, typeOPT, 1232>>8, 1232&255, byte(r.rcode>>4), 0, 0, 0, 0, 0)
	}
	return b
}

// append adds the record as it goes on the wire. Its name is a pointer to the question's where it is the same.
func (r record) append(b []byte, asked string) []byte {
	if r.name == asked {
		b = append(b, 0xc0, headerSize)
	} else {
		b = appendName(b, r.name)
	}
	b = binary.BigEndian.AppendUint16(b, r.kind)
	b = binary.BigEndian.AppendUint16(b, 1)
	b = binary.BigEndian.AppendUint32(b, r.ttl)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.data)))
	return append(b, r.data...)
}

func appendName(b []byte, name string) []byte {
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if label != "" {
			b = append(b, byte(min(len(label), 63)))
			b = append(b, label[:min(len(label), 63)]...)
		}
	}
	return append(b, 0)
}
