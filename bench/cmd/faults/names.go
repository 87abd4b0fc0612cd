package main

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
)

// A nameServer answers every question for addresses (A) over UDP with those of the replicas, or less.
type nameServer struct {
	addr  string
	conn  net.PacketConn
	ended chan struct{}

	mu    sync.Mutex
	mood  mood
	addrs []netip.Addr
}

// mood is what a nameServer answers.
type mood struct {
	from, to int   // of the addresses, those; none = an empty answer
	code     uint8 // of the reply: 2 = server failure, 3 = no such name
	silent   bool
}

// allNames is the mood of a server that is well.
var allNames = mood{from: 0, to: replicaCount}

// flaps are the moods that a server goes through when it is not. No set of them is empty for good, and none is false.
var flaps = []mood{{from: 0, to: 1}, allNames, {}, {from: 1, to: 3}, {code: 2}, {from: 0, to: 2}, {silent: true}, {code: 3}}

func serveNames(replicas []string) (*nameServer, error) {
	s := &nameServer{mood: allNames, ended: make(chan struct{})}
	for _, r := range replicas {
		a, err := netip.ParseAddrPort(r)
		if err != nil {
			return nil, err
		}
		s.addrs = append(s.addrs, a.Addr())
	}
	var err error
	if s.conn, err = net.ListenPacket("udp4", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	s.addr = s.conn.LocalAddr().String()
	go s.serve()
	return s, nil
}

func (s *nameServer) set(m mood) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mood = m
}

func (s *nameServer) close() {
	_ = s.conn.Close()
	<-s.ended
}

func (s *nameServer) serve() {
	defer close(s.ended)
	buf := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if reply := s.reply(buf[:n]); err == nil && reply != nil {
			_, _ = s.conn.WriteTo(reply, from)
		}
	}
}

// reply answers a query of one question (RFC 1035, 4.1). Records of another type than A there are none.
func (s *nameServer) reply(query []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	end := questionEnd(query)
	if s.mood.silent || end == 0 {
		return nil
	}
	out := append([]byte(nil), query[:end]...)
	out[2], out[3] = 0x84|query[2]&1, s.mood.code // an authoritative response; recursion wanted as it was
	clear(out[6:12])                              // no records beyond the question: one with EDNS gets an answer without
	const typeA, classIN, ttl = 1, 1, 1
	if s.mood.code != 0 || binary.BigEndian.Uint16(query[end-4:]) != typeA {
		return out
	}
	addrs := s.addrs[s.mood.from:s.mood.to]
	binary.BigEndian.PutUint16(out[6:], uint16(len(addrs)))
	for _, a := range addrs {
		out = append(out, 0xc0, 12, 0, typeA, 0, classIN, 0, 0, 0, ttl, 0, 4) // the name is the question's
		out = append(out, a.AsSlice()...)
	}
	return out
}

// questionEnd is where the first question of a message ends; 0 if there is none.
func questionEnd(m []byte) int {
	if len(m) < 12 || m[2]&0x80 != 0 || binary.BigEndian.Uint16(m[4:]) != 1 {
		return 0
	}
	for i := 12; i < len(m); i += 1 + int(m[i]) {
		if m[i] == 0 && i+5 <= len(m) {
			return i + 5
		}
	}
	return 0
}
