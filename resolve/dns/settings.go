package dns

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/rota-go/rota/resolve/internal/addr"
)

const (
	defaultMinInterval = time.Second
	defaultMaxInterval = 5 * time.Minute
	defaultTimeout     = 5 * time.Second
	defaultGrace       = 10 * time.Second
)

// maxInstances bounds what a set may have.
const maxInstances = 10_000

// Validate returns an error that names the field that is wrong, and nil if there is none.
func (r *Resolver) Validate() error {
	switch {
	case r.Name == "" && r.SRV == "":
		return fmt.Errorf("dns: neither Name nor SRV is set, want one, such as Name = \"users.internal:8080\"")
	case r.Name != "" && r.SRV != "":
		return fmt.Errorf("dns: both Name = %q and SRV = %q are set, want one", r.Name, r.SRV)
	case strings.ContainsAny(r.SRV, ":/ "):
		return fmt.Errorf("dns: SRV = %q, want a name without a port, such as \"_http._tcp.users.internal\"", r.SRV)
	case r.KeepTargets && r.SRV == "":
		return fmt.Errorf("dns: KeepTargets is set without SRV")
	case r.Network != "" && r.Network != "ip" && r.Network != "ip4" && r.Network != "ip6":
		return fmt.Errorf("dns: Network = %q, want \"ip\", \"ip4\" or \"ip6\"", r.Network)
	}
	if r.Name != "" {
		if err := checkName(r.Name); err != nil {
			return err
		}
	}
	if _, err := serverAddr(r.Server); err != nil {
		return err
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"MinInterval", r.MinInterval}, {"MaxInterval", r.MaxInterval}, {"Timeout", r.Timeout}} {
		if d.value < 0 {
			return fmt.Errorf("dns: %s = %v, want 0 (the default) or more", d.name, d.value)
		}
	}
	if s := r.settings(); s.maxInterval < s.minInterval {
		return fmt.Errorf("dns: MaxInterval = %v, want at least MinInterval, %v", s.maxInterval, s.minInterval)
	}
	if err := (addr.Form{Scheme: r.Scheme, Path: r.Path}).Validate(); err != nil {
		return fmt.Errorf("dns: %w", err)
	}
	return nil
}

func checkName(name string) error {
	host, port, err := net.SplitHostPort(name)
	if err != nil || host == "" || port == "" || strings.ContainsAny(name, "/ ") {
		return fmt.Errorf("dns: Name = %q, want host:port, such as \"users.internal:8080\"", name)
	}
	if n, err := strconv.Atoi(port); err == nil && (n < 1 || n > 65535) {
		return fmt.Errorf("dns: Name = %q, want a port of 1 to 65535", name)
	}
	return nil
}

// serverAddr adds the port of DNS where there is none.
func serverAddr(server string) (string, error) {
	if server == "" {
		return "", nil
	}
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(server, "["), "]"), "53"
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			host = ""
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" || strings.ContainsAny(host, "/@ ") {
		return "", fmt.Errorf("dns: Server = %q, want host:port or host", server)
	}
	return net.JoinHostPort(host, port), nil
}

// settings are the fields of a Resolver with the defaults in place.
type settings struct {
	host, port  string // of Name
	srv         string
	keepTargets bool
	network     string
	server      string // host:port
	form        addr.Form

	minInterval, maxInterval, timeout, grace time.Duration
}

func (r *Resolver) settings() settings {
	s := settings{
		srv: r.SRV, keepTargets: r.KeepTargets, network: "ip", form: addr.Form{Scheme: r.Scheme, Path: r.Path},
		minInterval: defaultMinInterval, maxInterval: defaultMaxInterval, timeout: defaultTimeout, grace: defaultGrace,
	}
	s.host, s.port, _ = net.SplitHostPort(r.Name)
	s.server, _ = serverAddr(r.Server)
	if r.Network != "" {
		s.network = r.Network
	}
	s.maxInterval = max(s.maxInterval, r.MinInterval) // unless it was set as well
	for _, d := range []struct {
		to   *time.Duration
		from time.Duration
	}{{&s.minInterval, r.MinInterval}, {&s.maxInterval, r.MaxInterval}, {&s.timeout, r.Timeout}, {&s.grace, r.Grace}} {
		if d.from != 0 {
			*d.to = max(d.from, 0)
		}
	}
	return s
}
