package conformance

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// Protocol is a way to speak HTTP over a connection.
type Protocol uint8

const (
	HTTP1    Protocol = iota // HTTP/1.1 over TCP
	HTTP1TLS                 // HTTP/1.1 over TLS
	HTTP2                    // HTTP/2 over TLS, agreed on by ALPN
	H2C                      // HTTP/2 over TCP with prior knowledge
)

// String returns the name as in the names of the subtests.
func (p Protocol) String() string {
	switch p {
	case HTTP1:
		return "HTTP1"
	case HTTP1TLS:
		return "HTTP1TLS"
	case HTTP2:
		return "HTTP2"
	case H2C:
		return "H2C"
	}
	return fmt.Sprintf("Protocol(%d)", uint8(p))
}

func (p Protocol) tls() bool { return p == HTTP1TLS || p == HTTP2 }

func (p Protocol) major() int {
	if p == HTTP2 || p == H2C {
		return 2
	}
	return 1
}

func (p Protocol) scheme() string {
	if p.tls() {
		return "https"
	}
	return "http"
}

// Params say what Run tests.
type Params struct {
	// New returns a new RoundTripper all of whose requests end up at the server, whatever their URL says, and registers
	// with tb.Cleanup what frees it. It is called at most once for a case, and the RoundTripper used by that case alone.
	// If it has a method CloseIdleConnections, that is called before connections are counted. Required.
	New func(tb testing.TB, s Server) http.RoundTripper

	// Protocols to test; nil = all of them.
	Protocols []Protocol

	// Skip says which cases are left out and why: the reason by the name of a case ("conn/reuse"), of a group ("trace"),
	// or of either for one protocol ("HTTP2/conn/reuse", "HTTP2/trace"). A name of nothing fails the test.
	Skip map[string]string

	// ContractOnly leaves out what neither the contract of http.RoundTripper nor HTTP asks for, though http.Transport
	// does it and callers have come to rely on it: see the package's comment.
	ContractOnly bool

	// Patience is how long one step of a case may take before it counts as hung; 0 = 10 s. No case measures speed.
	Patience time.Duration
}

// Run runs every case as a subtest of its own, named protocol/group/case. They run one after another.
func Run(t *testing.T, p Params) {
	t.Helper()
	if p.New == nil {
		t.Fatal("conformance: Params.New is nil")
	}
	for name := range p.Skip {
		if !known(name) {
			t.Errorf("conformance: Params.Skip names %q, and there is no such case", name)
		}
	}
	protocols := p.Protocols
	if protocols == nil {
		protocols = []Protocol{HTTP1, HTTP1TLS, HTTP2, H2C}
	}
	k := newKeys(t)
	for _, proto := range protocols {
		t.Run(proto.String(), func(t *testing.T) {
			for _, g := range groups() {
				t.Run(g.name, func(t *testing.T) { g.run(t, &p, k, proto) })
			}
		})
	}
}

// group is the cases about one subject.
type group struct {
	name  string
	cases []testCase
}

// testCase is one promise of a RoundTripper.
type testCase struct {
	name string
	on   set  // the protocols for which it makes sense
	kind kind // who asks for it
	run  func(*env)
}

type kind bool

const (
	contract kind = false // http.RoundTripper, http.Request, http.Response or the RFCs
	custom   kind = true  // http.Transport does it
)

// set is protocols, as bits.
type set uint8

const (
	onHTTP1 set = 1<<HTTP1 | 1<<HTTP1TLS
	onHTTP2 set = 1<<HTTP2 | 1<<H2C
	onTLS   set = 1<<HTTP1TLS | 1<<HTTP2
	onAll       = onHTTP1 | onHTTP2
)

func (s set) has(p Protocol) bool { return s&(1<<p) != 0 }

func groups() []group {
	return []group{
		{"request", requestCases},
		{"invalid", invalidCases},
		{"body", bodyCases},
		{"early", earlyCases},
		{"replay", replayCases},
		{"reply", replyCases},
		{"framing", framingCases},
		{"malformed", malformedCases},
		{"interim", interimCases},
		{"upgrade", upgradeCases},
		{"conn", connCases},
		{"context", contextCases},
		{"trace", traceCases},
		{"concurrent", concurrentCases},
		{"protocol", protocolCases},
	}
}

func (g group) run(t *testing.T, p *Params, k *keys, proto Protocol) {
	for _, c := range g.cases {
		if !c.on.has(proto) || p.ContractOnly && c.kind == custom {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			if reason, ok := p.skips(proto, g.name, c.name); ok {
				t.Skip(reason)
			}
			c.check(t, p, k, proto)
		})
	}
}

// skips returns why a case is left out.
func (p *Params) skips(proto Protocol, group, name string) (reason string, ok bool) {
	for _, key := range []string{group, group + "/" + name} {
		if reason, ok = p.Skip[key]; ok {
			return reason, true
		}
		if reason, ok = p.Skip[proto.String()+"/"+key]; ok {
			return reason, true
		}
	}
	return "", false
}

// known reports whether Params.Skip may have the name.
func known(name string) bool {
	on := onAll
	for _, proto := range []Protocol{HTTP1, HTTP1TLS, HTTP2, H2C} {
		if rest, ok := strings.CutPrefix(name, proto.String()+"/"); ok {
			name, on = rest, 1<<proto
		}
	}
	return slices.ContainsFunc(groups(), func(g group) bool {
		return g.name == name || slices.ContainsFunc(g.cases, func(c testCase) bool {
			return g.name+"/"+c.name == name && c.on&on != 0
		})
	})
}
