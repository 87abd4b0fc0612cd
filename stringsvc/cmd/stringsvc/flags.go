package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/resolve"
	"github.com/rota-go/rota/rotadash"
	"github.com/rota-go/rota/stringsvc"
)

// config is what the flags say, checked.
type config struct {
	listen  string
	maxBody int64         // bytes
	drain   time.Duration // before the socket closes
	version bool

	proxy       []string      // URLs, or what resolver was made of; none = serve locally
	resolver    rota.Resolver // nil = proxy says it all
	qps         float64       // to one replica, sustained; 0 = no limit
	burst       int           // at least 1 when there is a limit
	maxAttempts int
	maxTime     time.Duration // of the whole call
	tryTime     time.Duration // of one attempt; 0 = derived
	balancer    string
	hedge       bool

	admin      string            // where the live page is; "" = nowhere
	adminWrite bool              // it may change things
	adminToken string            // a file with what is to be known to see it; "" = nothing
	actions    []rotadash.Action // of the demo
}

// parseFlags returns the config, flag.ErrHelp, or an error of one line that
// names the flag and its value.
func parseFlags(args []string) (config, error) {
	var cfg config
	var proxy string
	flags := flagSet(&cfg, &proxy)
	if err := flags.Parse(args); err != nil {
		return config{}, err
	}
	if flags.NArg() > 0 {
		return config{}, fmt.Errorf("unexpected argument %q, want flags only (or demo as the first)", flags.Arg(0))
	}
	if err := cfg.check(); err != nil {
		return config{}, err
	}
	if err := cfg.parseProxy(proxy); err != nil {
		return config{}, fmt.Errorf("-proxy=%q: %w", proxy, err)
	}
	if cfg.admin != "" && len(cfg.proxy) == 0 {
		return config{}, fmt.Errorf("-admin=%q: the page is a front's, want -proxy as well", cfg.admin)
	}
	if cfg.burst == 0 {
		cfg.burst = int(min(max(1, cfg.qps/10), math.MaxInt32))
	}
	return cfg, nil
}

// parseProxy reads a list of replicas, or a target of package resolve.
func (c *config) parseProxy(proxy string) (err error) {
	for _, scheme := range []string{"dns://", "dns+srv://", "file://"} {
		if strings.HasPrefix(proxy, scheme) {
			c.proxy = []string{proxy}
			c.resolver, err = resolve.Parse(proxy)
			return err
		}
	}
	c.proxy, err = stringsvc.ParseReplicas(proxy)
	return err
}

// flagSet defines the flags and their defaults; usage says what they mean.
func flagSet(cfg *config, proxy *string) *flag.FlagSet {
	flags := flag.NewFlagSet("stringsvc", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // whoever parses prints the error
	flags.StringVar(&cfg.listen, "listen", ":8080", "")
	flags.Int64Var(&cfg.maxBody, "max-body", stringsvc.DefaultMaxBody, "")
	flags.DurationVar(&cfg.drain, "drain", time.Second, "")
	flags.BoolVar(&cfg.version, "version", false, "")
	flags.StringVar(proxy, "proxy", "", "")
	flags.Float64Var(&cfg.qps, "qps", 0, "")
	flags.IntVar(&cfg.burst, "burst", 0, "")
	flags.IntVar(&cfg.maxAttempts, "max-attempts", 3, "")
	flags.DurationVar(&cfg.maxTime, "max-time", 250*time.Millisecond, "")
	flags.DurationVar(&cfg.tryTime, "try-time", 0, "")
	flags.StringVar(&cfg.balancer, "balancer", "round-robin", "")
	flags.BoolVar(&cfg.hedge, "hedge", true, "")
	flags.StringVar(&cfg.admin, "admin", "", "")
	flags.BoolVar(&cfg.adminWrite, "admin-write", false, "")
	flags.StringVar(&cfg.adminToken, "admin-token-file", "", "")
	return flags
}

// check returns an error that names the first flag whose value makes no sense.
func (c *config) check() error {
	if err := checkAddr(c.listen); err != nil {
		return fmt.Errorf("-listen=%q: %w", c.listen, err)
	}
	if c.admin != "" {
		if err := checkAddr(c.admin); err != nil {
			return fmt.Errorf("-admin=%q: %w", c.admin, err)
		}
	}
	for _, rule := range []struct {
		ok    bool
		flag  string
		value any
		want  string
	}{
		{c.maxBody >= 1, "max-body", c.maxBody, "at least 1 byte"},
		{c.drain >= 0, "drain", c.drain, "at least 0"},
		{c.qps >= 0 && !math.IsInf(c.qps, 0), "qps", c.qps, "at least 0, 0 = no limit"},
		{c.burst >= 0, "burst", c.burst, "at least 1, or 0 = max(1, qps/10)"},
		{1 <= c.maxAttempts && c.maxAttempts <= 8, "max-attempts", c.maxAttempts, "1 to 8"},
		{c.maxTime > 0, "max-time", c.maxTime, "more than 0"},
		{c.tryTime >= 0, "try-time", c.tryTime, "at least 0, 0 = derived"},
		{c.tryTime <= c.maxTime, "try-time", c.tryTime, fmt.Sprintf("at most -max-time, which is %v", c.maxTime)},
		{c.balancer == "round-robin" || c.balancer == "p2c", "balancer", strconv.Quote(c.balancer), "round-robin or p2c"},
	} {
		if !rule.ok {
			return fmt.Errorf("-%s=%v: want %s", rule.flag, rule.value, rule.want)
		}
	}
	return nil
}

// callTime is the longest a call may take by these flags.
func (c *config) callTime() time.Duration {
	if len(c.proxy) == 0 {
		return 0
	}
	return c.maxTime
}

// checkAddr returns an error for an address nobody could listen on.
func checkAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return errors.New("want host:port or :port")
	}
	if n, err := strconv.Atoi(port); err == nil && (n < 0 || n > 65535) || port == "" {
		return errors.New("want a port, 0 to 65535")
	}
	return nil
}
