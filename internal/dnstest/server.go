package dnstest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/rota-go/rota/internal/wait"
)

// Server answers DNS queries over UDP and TCP, on the same port of 127.0.0.1. Methods may be called concurrently.
type Server struct {
	udp  net.PacketConn
	tcp  net.Listener
	ctx  context.Context // of the answers that wait; ends with Close
	stop context.CancelFunc
	work sync.WaitGroup

	mu    sync.Mutex
	zone  zone
	fault func(Question) Fault
	asked []Question
	conns map[net.Conn]struct{}
}

// Question is one query as it came in.
type Question struct {
	Name string // lower case, without the dot at the end
	Type string // "A", "AAAA", "SRV", …; "TYPE65" for one that the server does not know
	Net  string // "udp" or "tcp"
}

// Fault is how the answer to one query goes wrong. The zero Fault is none.
type Fault struct {
	Delay     time.Duration // answers that much later; other queries do not wait for it
	Drop      bool          // does not answer; over TCP, closes the connection
	RCode     int           // answers with this code and no records; 2 is SERVFAIL, 3 NXDOMAIN, 5 REFUSED
	Truncated bool          // over UDP, answers without records and says that the rest did not fit
	WrongID   bool          // sends, before the answer, one with TTL 1 that belongs to another query
	Raw       []byte        // sends these bytes after the query's id, in place of an answer
}

// Start returns a Server with an empty zone. Close it after use.
func Start() (*Server, error) {
	// A port that is free for UDP may be taken for TCP, so the pair may need several tries.
	var firstErr error
	for range 20 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("dnstest: %w", err)
		}
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		if err != nil {
			firstErr = errors.Join(firstErr, err, tcp.Close())
			continue
		}
		s := &Server{udp: udp, tcp: tcp, conns: make(map[net.Conn]struct{})}
		s.ctx, s.stop = context.WithCancel(context.Background())
		s.work.Go(s.serveUDP)
		s.work.Go(s.serveTCP)
		return s, nil
	}
	return nil, fmt.Errorf("dnstest: no port that is free for UDP and TCP: %w", firstErr)
}

// Addr returns the server's host:port, the same for UDP and TCP.
func (s *Server) Addr() string { return s.udp.LocalAddr().String() }

// SetZone replaces all records. Each line of text is "name ttl type data", as in the package's example; the TTL is in
// seconds, "#" begins a comment. A name that has records of another type is answered empty, an unknown one with
// NXDOMAIN; both carry a SOA record if the zone has one ("test 3600 SOA 60": its TTL, and the negative TTL). If a line is
// wrong the zone stays as it was.
func (s *Server) SetZone(text string) error {
	z, err := parseZone(text)
	if err != nil {
		return fmt.Errorf("dnstest: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zone = z
	return nil
}

// SetFault asks f about every query from now on; nil ends all faults. f is called from several goroutines.
func (s *Server) SetFault(f func(Question) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Asked returns all queries so far, in the order of their arrival.
func (s *Server) Asked() []Question {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Question(nil), s.asked...)
}

// Count returns how many queries there were for a name and type.
func (s *Server) Count(name, kind string) int {
	n := 0
	for _, q := range s.Asked() {
		if q.Name == name && q.Type == kind {
			n++
		}
	}
	return n
}

// Close stops the server and waits until nothing of it runs any more.
func (s *Server) Close() error {
	s.stop()
	err := errors.Join(s.udp.Close(), s.tcp.Close())
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.work.Wait()
	return err
}

func (s *Server) serveUDP() {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := s.udp.ReadFrom(buf)
		if err != nil {
			if s.ctx.Err() != nil {
				return
			}
			continue // Windows reports here that an earlier answer met a closed port
		}
		query := append([]byte(nil), buf[:n]...)
		s.work.Go(func() {
			for _, m := range s.answers(query, "udp") {
				s.udp.WriteTo(m, from)
			}
		})
	}
}

func (s *Server) serveTCP() {
	for {
		c, err := s.tcp.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[c] = struct{}{}
		s.mu.Unlock()
		s.work.Go(func() {
			defer func() {
				c.Close()
				s.mu.Lock()
				delete(s.conns, c)
				s.mu.Unlock()
			}()
			if s.ctx.Err() == nil { // else Close may have missed the connection
				s.serveConn(c)
			}
		})
	}
}

func (s *Server) serveConn(c net.Conn) {
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		answers := s.answers(query, "tcp")
		if len(answers) == 0 {
			return
		}
		for _, m := range answers {
			framed := binary.BigEndian.AppendUint16(nil, uint16(len(m)))
			if _, err := c.Write(append(framed, m...)); err != nil {
				return
			}
		}
	}
}

// answers returns the messages that a query gets, after the delay that it gets; none if it is dropped.
func (s *Server) answers(query []byte, network string) [][]byte {
	q, ok := readQuery(query)
	if !ok {
		return nil
	}
	question := Question{Name: q.name, Type: typeName(q.kind), Net: network}
	s.mu.Lock()
	s.asked = append(s.asked, question)
	zone, fault := s.zone, s.fault
	s.mu.Unlock()
	var f Fault
	if fault != nil {
		f = fault(question)
	}
	if !wait.For(s.ctx, f.Delay) || f.Drop {
		return nil
	}
	switch {
	case f.Raw != nil:
		return [][]byte{append(append([]byte(nil), query[:2]...), f.Raw...)}
	case f.RCode != 0:
		return [][]byte{q.reply(reply{rcode: f.RCode})}
	case f.Truncated && network == "udp":
		return [][]byte{q.reply(reply{truncated: true})}
	}
	message := q.reply(zone.lookup(q.name, q.kind))
	if network == "udp" && len(message) > q.room {
		message = q.reply(reply{truncated: true})
	}
	if !f.WrongID {
		return [][]byte{message}
	}
	stray := q
	stray.id++
	return [][]byte{stray.reply(zone.lookup(q.name, q.kind).withTTL(1)), message}
}
