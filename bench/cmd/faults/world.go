package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/rota-go/rota/bench/load"
	"github.com/rota-go/rota/bench/proc"
)

// replicaCount is how many replicas stand behind a front. A third of the calls meets a fault of one of them.
const replicaCount = 3

// kind is what the replicas of a row are.
type kind string

const (
	plain  kind = ""       // faultyreplica
	secure kind = "https"  // faultyreplica, over TLS with a certificate that SSL_CERT_FILE vouches for
	named  kind = "dns"    // faultyreplica, found by a name
	real   kind = "string" // stringsvc itself, for what it does by itself
)

// workshop is what all rows share: binaries and files.
type workshop struct {
	dir   string
	bins  map[string]string // by import path
	certs certificates
	log   *os.File // of the fronts: a file itself, for a pipe would cost this process time
}

func newWorkshop(ctx context.Context, dir string, p params) (*workshop, error) {
	s := &workshop{dir: dir, bins: make(map[string]string)}
	need := map[string]bool{proc.Stringsvc: true, proc.Faultyreplica: true}
	for _, f := range p.fronts {
		if f.pkg != "" {
			need[f.pkg] = true
		} else if _, err := exec.LookPath(f.bin); err != nil {
			return nil, fmt.Errorf("%s is missing: apt-get install %s", f.bin, f.bin)
		}
	}
	for pkg := range need {
		bin, err := proc.Build(ctx, dir, pkg)
		if err != nil {
			return nil, err
		}
		s.bins[pkg] = bin
	}
	var err error
	if s.certs, err = writeCertificates(dir); err != nil {
		return nil, err
	}
	if p.log == "" {
		p.log = os.DevNull
	}
	s.log, err = os.OpenFile(p.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	return s, err
}

func (s *workshop) close() { _ = s.log.Close() }

// world is what one run of a row plays in: replicas and a front, all processes.
type world struct {
	*workshop
	row
	nodes []*node
	dns   *nameServer // of kind named

	front   *proc.Process
	metrics string   // the front's, if they are not where it listens
	command []string // that started the front
	began   time.Time
}

// errUnsupported is why a row is skipped: the front cannot do what it is about.
var errUnsupported = errors.New("the front does not support this")

// newWorld starts the replicas of a row, and a front before them. The caller closes what it gets.
func newWorld(ctx context.Context, s *workshop, f front, r row) (*world, error) {
	w := &world{workshop: s, row: r}
	if err := w.start(ctx, f); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) start(ctx context.Context, f front) error {
	addrs, err := w.addrs()
	if err != nil {
		return err
	}
	for _, addr := range addrs {
		n := w.newNode(addr)
		w.nodes = append(w.nodes, n)
		if err := n.start(ctx); err != nil {
			return err
		}
	}
	if w.kind == named {
		if w.dns, err = serveNames(addrs); err != nil {
			return err
		}
	}
	return w.startFront(ctx, f)
}

// startFront fails with errUnsupported if the front ends with the status of wrong usage.
func (w *world) startFront(ctx context.Context, f front) error {
	addr, err := proc.FreeAddr()
	if err != nil {
		return err
	}
	p, err := f.params(w, addr)
	if err != nil {
		return err
	}
	p.Addr, p.Stderr = addr, w.log
	w.command = append([]string{filepath.Base(p.Bin)}, p.Args...)
	w.began = time.Now()
	w.front, err = proc.Start(ctx, p)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 2 {
		return fmt.Errorf("%w: %v", errUnsupported, err)
	}
	return err
}

// addrs returns where the replicas are to listen: ports of one host, or hosts of one port where a name tells them apart.
func (w *world) addrs() ([]string, error) {
	var addrs []string
	for i := range replicaCount {
		addr, err := proc.FreeAddr()
		if err != nil {
			return nil, err
		}
		if w.kind == named {
			if i > 0 {
				addr = addrs[0]
			}
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			addr = net.JoinHostPort(fmt.Sprintf("127.0.0.%d", 2+i), port)
		}
		addrs = append(addrs, addr)
	}
	return addrs, nil
}

func (w *world) newNode(addr string) *node {
	n := &node{addr: addr, bin: w.bins[proc.Faultyreplica], speaks: true, set: make(chan struct{}, 1)}
	switch w.kind {
	case real:
		n.bin, n.speaks = w.bins[proc.Stringsvc], false
	case secure:
		n.args = []string{"-cert=" + w.certs.right, "-wrong-cert=" + w.certs.wrong, "-key=" + w.certs.key}
	}
	return n
}

// targets is how the front is told of the replicas, in the syntax of -proxy.
func (w *world) targets() []string {
	var list []string
	for _, n := range w.nodes {
		switch w.kind {
		case named:
			_, port, _ := net.SplitHostPort(n.addr)
			return []string{"dns://" + w.dns.addr + "/users.test:" + port}
		case secure:
			list = append(list, "https://"+n.addr)
		default:
			list = append(list, n.addr)
		}
	}
	return list
}

// spread is when each replica got its attempts, since the time zero.
func (w *world) spread(zero time.Time) load.Spread {
	var s load.Spread
	for _, n := range w.nodes {
		s = append(s, n.arrivals(zero))
	}
	return s
}

func (w *world) close() {
	if w.front != nil {
		w.front.Kill()
	}
	for _, n := range w.nodes {
		n.kill()
	}
	if w.dns != nil {
		w.dns.close()
	}
}
