package dns

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

// TestTapSearchDomains: names on the way to the one that answered say nothing about how long the answer holds.
func TestTapSearchDomains(t *testing.T) {
	const searched, found = "\x05users\x02ns\x04test\x00", "\x05users\x04test\x00"
	absent := message{response: true, rcode: rcodeNoName, ttl: time.Second}
	tests := []struct {
		name  string
		heard map[question]message
		ttl   time.Duration
		kind  uint16 // unsettled
	}{
		{"nothing", nil, noTTL, 0},
		{"found", map[question]message{
			{searched, kindA}: absent, {searched, kindAAAA}: absent,
			{found, kindA}: {response: true, records: true, ttl: time.Minute}, {found, kindAAAA}: absent,
		}, time.Minute, 0},
		{"smaller of both families", map[question]message{
			{found, kindA}: {response: true, records: true, ttl: time.Minute}, {found, kindAAAA}: {response: true, records: true, ttl: time.Second},
		}, time.Second, 0},
		{"found, one family failed", map[question]message{
			{searched, kindA}: absent, {searched, kindAAAA}: absent,
			{found, kindA}: {response: true, records: true, ttl: time.Minute}, {found, kindAAAA}: {response: true, rcode: 2, ttl: noTTL},
		}, time.Minute, kindAAAA},
		{"found, one family silent", map[question]message{
			{searched, kindA}: absent, {found, kindAAAA}: {response: true, records: true, ttl: time.Minute},
		}, time.Minute, kindA},
		{"nowhere", map[question]message{
			{searched, kindA}: absent, {found, kindA}: {response: true, rcode: rcodeNoName, ttl: time.Hour},
		}, time.Second, 0},
		{"failed", map[question]message{{found, kindA}: {response: true, rcode: 2, ttl: noTTL}}, noTTL, 0},
	}
	for _, test := range tests {
		tap := tap{heard: test.heard}
		if ttl, kind := tap.ttl(), tap.unsettled([]uint16{kindA, kindAAAA}); ttl != test.ttl || kind != test.kind {
			t.Errorf("%s: ttl() = %v, unsettled() = %d, want %v, %d", test.name, ttl, kind, test.ttl, test.kind)
		}
	}
}

// TestTapHearsOnlyItsAnswer: a message that net would not take for the answer is not heard.
func TestTapHearsOnlyItsAnswer(t *testing.T) {
	all := messages()
	asked, err := readMessage(all["query"])
	if err != nil {
		t.Fatal(err)
	}
	otherID := bytes.Clone(all["one record"])
	otherID[0]++
	otherName := bytes.Replace(all["one record"], []byte("TEST"), []byte("TOST"), 1)
	for name, in := range map[string][]byte{
		"another id": otherID, "another name": otherName, "a query": all["query"], "cut": all["one record"][:20],
	} {
		var heard tap
		if heard.hear(asked, in, true); len(heard.heard) != 0 {
			t.Errorf("%s was heard", name)
		}
	}
	var heard tap
	if heard.hear(asked, all["truncated"], false); len(heard.heard) != 0 {
		t.Error("a datagram that is cut was heard")
	}
	if heard.hear(asked, all["truncated"], true); len(heard.heard) != 1 {
		t.Error("what a stream has was not heard, even if it says that it is cut")
	}
}

// TestTapStreamPieces: a stream may come in any pieces, and more may come after the message.
func TestTapStreamPieces(t *testing.T) {
	all := messages()
	frame := func(b []byte) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...) }
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		client, server := net.Pipe()
		heard := new(tap)
		c := &conn{Conn: client, tap: heard, stream: true, release: func() bool { return true }}
		go func() {
			defer server.Close()
			server.Read(make([]byte, maxMessage))
			rest := append(frame(all["alias"]), frame(all["TTL zero"])...)
			for len(rest) > 0 {
				n := 1 + r.IntN(len(rest))
				if _, err := server.Write(rest[:n]); err != nil {
					t.Error(err)
					return
				}
				rest = rest[n:]
			}
		}()
		if _, err := c.Write(frame(all["query"])); err != nil {
			t.Fatal(err)
		}
		for buf := make([]byte, 50); ; {
			if _, err := c.Read(buf); err != nil {
				break
			}
		}
		c.Close()
		if ttl := heard.ttl(); ttl != 5*time.Second {
			t.Fatalf("seed %d: ttl() = %v, want 5s", seed, ttl)
		}
	}
}
