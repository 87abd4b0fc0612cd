package setup

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/rota-go/rota/cmd/rota/internal/document"
	"github.com/rota-go/rota/config"
	"github.com/rota-go/rota/internal/tree"
)

// Read reads a file of YAML or JSON. The error says all that is wrong with it, each with file, line and key.
func Read(name string) (*Setup, error) {
	n, _, err := document.Read(name)
	if err != nil {
		return nil, err
	}
	s, err := FromTree(n)
	if err != nil {
		return nil, document.Errors(name, err)
	}
	s.file = name
	return s, nil
}

// At is an error about what a key says, with its file and line, or the flag that said so.
func (s *Setup) At(key string, err error) error { return s.named(s.doc.Errorf(key, "%w", err)) }

func (s *Setup) named(err error) error {
	if s.file != "" {
		return document.Errors(s.file, err)
	}
	all := tree.All(err)
	for i, e := range all {
		for _, f := range flagsOfKeys {
			if strings.HasPrefix(e.Path, f.key) {
				all[i] = &tree.Error{Path: f.flag, Err: e.Err}
			}
		}
	}
	return tree.Join(all)
}

// FromTree reads a document, and fills in what it leaves out.
func FromTree(n *tree.Node) (*Setup, error) {
	s := &Setup{Admin: new(Admin), AccessLog: &AccessLog{Sample: 1}, Drain: DefaultDrain(), doc: n}
	if n == nil || n.Kind == tree.Null {
		return nil, n.Errorf("", "the file is empty, want listeners, routes and services (rota init writes an example)")
	}
	if err := tree.Decode(n, s); err != nil {
		return nil, err
	}
	if n.Get("access_log") == nil {
		s.AccessLog = nil
	}
	s.fill()
	return s, s.check(n)
}

// fill sets what is left out to what the comments say.
func (s *Setup) fill() {
	for i := range s.Listeners {
		l := &s.Listeners[i]
		if l.Name == "" {
			l.Name = strings.TrimPrefix(l.Listen, "fd:")
		}
		if l.Protocols == nil {
			l.Protocols = []string{"http1", "http2"}
		}
		if l.TLS != nil && l.TLS.Min == "" {
			l.TLS.Min = "1.2"
		}
	}
	for i := range s.Routes {
		r := &s.Routes[i]
		if r.Path == "" {
			r.Path = "/"
		}
		if r.Name == "" {
			r.Name = r.fits()
		}
		if r.Rate != nil && r.Rate.By == "" {
			r.Rate.By = "route"
		}
	}
	if s.Admin != nil && s.Admin.Listen == "" {
		s.Admin.Listen, s.Admin.implied = DefaultAdmin, true
	}
	if a := s.AccessLog; a != nil {
		a.To, a.Format = orText(a.To, "stderr"), orText(a.Format, "logfmt")
	}
	s.Forwarded.Send = orText(s.Forwarded.Send, "x-forwarded")
	if s.Forwarded.Hops == 0 {
		s.Forwarded.Hops = 1
	}
	if s.Debug.Trust == nil {
		s.Debug.Trust = []string{"127.0.0.0/8", "::1/128"}
	}
}

func orText(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// fits is what a route is for, as text.
func (r *Route) fits() string {
	name := r.Host + r.Path
	if len(r.Method) > 0 {
		name = strings.Join(r.Method, ",") + " " + name
	}
	return name
}

// Raw is a part of the file that is laid over another one before it is read. The zero value is nothing.
type Raw struct{ node *tree.Node }

// DecodeTree implements tree.Decoder.
func (r *Raw) DecodeTree(n *tree.Node) error {
	r.node = n
	return nil
}

// Set reports whether the file says something.
func (r Raw) Set() bool { return r.node != nil }

// DecodeTree implements tree.Decoder.
func (p *Policy) DecodeTree(n *tree.Node) error {
	var err error
	p.raw.node = n
	p.Policy, err = config.Parse(n)
	return err
}

// For returns the service's policy as a route has it, with its own timeout, retry and hedge. own says that it has any.
func (p *Policy) For(r *Route) (policy config.Policy, own bool, err error) {
	var over *tree.Node
	for _, part := range []struct {
		key string
		raw Raw
	}{{"timeout", r.Timeout}, {"retry", r.Retry}, {"hedge", r.Hedge}} {
		switch {
		case !part.raw.Set():
		case part.key == "timeout" && part.raw.node.Off():
			over = over.With(part.key, &tree.Node{Kind: tree.String, Line: part.raw.node.Line, Text: "0s"})
		default:
			over = over.With(part.key, part.raw.node)
		}
	}
	if over == nil {
		return p.Policy, false, nil
	}
	policy, err = config.Parse(config.Merge(p.raw.node, over))
	return policy, true, err
}

// Bytes is a size. In a file it is a number, or one with a unit: 64KiB, 1MB.
type Bytes int64

var units = []struct {
	name string
	size float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}}

// DecodeTree implements tree.Decoder.
func (b *Bytes) DecodeTree(n *tree.Node) error {
	v, err := parseBytes(n.Text)
	if err != nil || n.Kind != tree.Number && n.Kind != tree.String {
		return n.Errorf("", "%.40q, want a size such as 65536, 64KiB or 1MB", n.Text)
	}
	*b = v
	return nil
}

func parseBytes(s string) (Bytes, error) {
	size := 1.0
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			s, size = strings.TrimSpace(rest), u.size
			break
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	if v *= size; err != nil || !(v >= 0 && v < 1<<50) || v != math.Trunc(v) {
		return 0, fmt.Errorf("want a size such as 65536, 64KiB or 1MB")
	}
	return Bytes(v), nil
}

// MarshalText implements encoding.TextMarshaler.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(strconv.FormatInt(int64(b), 10)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Bytes) UnmarshalText(text []byte) (err error) {
	*b, err = parseBytes(string(text))
	return err
}
