package dns

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"
)

// Parts of messages, as they stand on the wire.
const (
	usersName = "\x05users\x04test\x00"
	toUsers   = "\xc0\x0c" // points at the question
)

// rr is a resource record.
func rr(name string, kind, class uint16, ttl uint32, data string) string {
	b := binary.BigEndian.AppendUint16([]byte(name), kind)
	b = binary.BigEndian.AppendUint16(b, class)
	b = binary.BigEndian.AppendUint32(b, ttl)
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	return string(b) + data
}

func soa(ttl, minimum uint32) string {
	numbers := binary.BigEndian.AppendUint32(make([]byte, 16), minimum)
	return rr("\x04test\x00", kindSOA, classIN, ttl, "\x02ns\xc0\x12"+"\x05admin\xc0\x12"+string(numbers))
}

// msg is a message with one question about the A records of users.test.
func msg(flags uint16, sections ...[]string) []byte {
	b := []byte{0xab, 0xcd}
	for _, n := range []int{int(flags), 1, len(sections[0]), len(sections[1]), len(sections[2])} {
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	}
	b = append(b, "\x05Users\x04TEST\x00\x00\x01\x00\x01"...)
	for _, s := range sections {
		b = append(b, strings.Join(s, "")...)
	}
	return b
}

const answered = 0x8180 // a response of a recursive server

var none []string

func messages() map[string][]byte {
	a := func(ttl uint32) string { return rr(toUsers, kindA, classIN, ttl, "\x0a\x00\x00\x01") }
	alias := func(ttl uint32) string { return rr(toUsers, kindCNAME, classIN, ttl, "\x01x"+toUsers) }
	opt := rr("\x00", kindOPT, 1232, 0, "")
	return map[string][]byte{
		"query":              msg(0x0100, none, none, []string{opt}),
		"one record":         msg(answered, []string{a(30)}, none, none),
		"smallest TTL":       msg(answered, []string{a(30), a(7), a(60)}, none, none),
		"alias":              msg(answered, []string{alias(5), a(30)}, none, none),
		"DNAME":              msg(answered, []string{rr(toUsers, kindDNAME, classIN, 4, usersName), alias(5), a(30)}, none, none),
		"unrelated records":  msg(answered, []string{a(30), rr(toUsers, 46, classIN, 1, ""), rr(toUsers, kindA, 3, 2, "")}, none, none),
		"OPT is no TTL":      msg(answered, []string{a(30)}, none, []string{opt}),
		"OPT in the answer":  msg(answered, []string{a(30), opt}, none, none),
		"extra SOA":          msg(answered, []string{a(30)}, []string{soa(5, 5)}, none),
		"TTL zero":           msg(answered, []string{a(0)}, none, none),
		"TTL out of range":   msg(answered, []string{a(1 << 31)}, none, none),
		"no data":            msg(answered, none, []string{soa(3600, 60)}, none),
		"no data, SOA's TTL": msg(answered, none, []string{soa(20, 60)}, none),
		"alias to nothing":   msg(answered, []string{alias(5)}, []string{soa(3600, 60)}, none),
		"no SOA":             msg(answered, none, none, none),
		"SOA cut":            msg(answered, none, []string{rr(toUsers, kindSOA, classIN, 9, "\x00\x00\x01")}, none),
		"no name":            msg(answered|rcodeNoName, none, []string{soa(3600, 60)}, none),
		"server failure":     msg(answered|2, none, none, none),
		"extended code":      msg(answered, none, none, []string{rr("\x00", kindOPT, 1232, 1<<24, "")}),
		"referral":           msg(0x8000, none, []string{rr(toUsers, 2, classIN, 9, usersName)}, none),
		"truncated":          msg(answered|0x0200, []string{a(30)}, none, none),
	}
}

func TestReadMessage(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name string
		want message // without id and question
	}{
		{"query", message{ttl: noTTL}},
		{"one record", message{response: true, records: true, ttl: 30 * s}},
		{"smallest TTL", message{response: true, records: true, ttl: 7 * s}},
		{"alias", message{response: true, records: true, ttl: 5 * s}},
		{"DNAME", message{response: true, records: true, ttl: 4 * s}},
		{"unrelated records", message{response: true, records: true, ttl: 30 * s}},
		{"OPT is no TTL", message{response: true, records: true, ttl: 30 * s}},
		{"OPT in the answer", message{response: true, records: true, ttl: 30 * s}},
		{"extra SOA", message{response: true, records: true, ttl: 30 * s}},
		{"TTL zero", message{response: true, records: true, ttl: 0}},
		{"TTL out of range", message{response: true, records: true, ttl: 0}},
		{"no data", message{response: true, ttl: 60 * s}},
		{"no data, SOA's TTL", message{response: true, ttl: 20 * s}},
		{"alias to nothing", message{response: true, ttl: 60 * s}},
		{"no SOA", message{response: true, ttl: noTTL}},
		{"SOA cut", message{response: true, ttl: noTTL}},
		{"no name", message{response: true, rcode: 3, ttl: 60 * s}},
		{"server failure", message{response: true, rcode: 2, ttl: noTTL}},
		{"extended code", message{response: true, rcode: 16, ttl: noTTL}},
		{"referral", message{response: true, referral: true, ttl: noTTL}},
		{"truncated", message{response: true, truncated: true, records: true, ttl: 30 * s}},
	}
	all := messages()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := readMessage(all[test.name])
			test.want.id, test.want.question = 0xabcd, question{usersName, kindA}
			if err != nil || got != test.want {
				t.Errorf("readMessage() = %+v, %v, want %+v", got, err, test.want)
			}
		})
	}
	if len(tests) != len(all) {
		t.Errorf("%d of %d messages are tested", len(tests), len(all))
	}
}

func TestSettles(t *testing.T) {
	all := messages()
	for name, want := range map[string]bool{
		"one record": true, "no data": true, "no name": true,
		"server failure": false, "extended code": false, "referral": false,
	} {
		m, err := readMessage(all[name])
		if err != nil || m.settles() != want {
			t.Errorf("%s: settles() = %v, %v, want %v", name, m.settles(), err, want)
		}
	}
}

func TestReadMessageRejects(t *testing.T) {
	good := messages()["alias"]
	question := func(name string) []byte {
		return []byte("\xab\xcd\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00" + name + "\x00\x01\x00\x01")
	}
	tests := []struct {
		name string
		in   []byte
	}{
		{"empty", nil},
		{"half a header", good[:headerSize-1]},
		{"no question", append([]byte("\xab\xcd\x81\x80\x00\x00"), good[6:]...)},
		{"two questions", append([]byte("\xab\xcd\x81\x80\x00\x02"), good[6:]...)},
		{"a record too few", append([]byte("\xab\xcd\x81\x80\x00\x01\x00\x03"), good[8:]...)},
		{"too large", make([]byte, maxMessage+1)},
		{"question points at itself", question("\xc0\x0c")},
		{"question points ahead", question("\x01a\xc0\x10")},
		{"label too long", question("\x40" + strings.Repeat("a", 64) + "\x00")},
		{"name too long", question(strings.Repeat("\x3f"+strings.Repeat("a", 63), 4) + "\x00")},
		{"name without end", question("\x3fabc")},
	}
	for n := headerSize; n < len(good); n++ {
		tests = append(tests, struct {
			name string
			in   []byte
		}{"cut", good[:n]})
	}
	for _, test := range tests {
		if m, err := readMessage(test.in); err == nil {
			t.Errorf("%s: readMessage(%q) = %+v, want an error", test.name, test.in, m)
		}
	}
}

// TestCompressionLoop: names of records that point at each other are skipped and not followed.
func TestCompressionLoop(t *testing.T) {
	in := msg(answered, []string{rr("\xc0\x1c", kindA, classIN, 9, "\xc0\x1c"), rr("\xff\xff", kindA, classIN, 8, "")}, none, none)
	if m, err := readMessage(in); err != nil || m.ttl != 8*time.Second {
		t.Errorf("readMessage() = %+v, %v, want a TTL of 8s", m, err)
	}
}

func FuzzReadMessage(f *testing.F) {
	for _, m := range messages() {
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := readMessage(in)
		switch {
		case err != nil:
			if m != (message{}) {
				t.Errorf("readMessage(%q) = %+v beside %v", in, m, err)
			}
		case m.ttl != noTTL && (m.ttl < 0 || m.ttl >= 1<<31*time.Second):
			t.Errorf("readMessage(%q): TTL %v", in, m.ttl)
		case m.records && m.ttl == noTTL:
			t.Errorf("readMessage(%q): records without a TTL", in)
		case len(m.question.name) == 0 || len(m.question.name) > maxNameSize+64:
			t.Errorf("readMessage(%q): question %q", in, m.question.name)
		}
	})
}
