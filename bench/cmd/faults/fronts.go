package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rota-go/rota/bench/proc"
)

// A front is what is asked, and sends what it is asked to replicas.
type front struct {
	name   string
	pkg    string // to be built; or
	bin    string // to be found in PATH
	ours   bool   // it counts its own attempts, and its errors tell of them
	params func(w *world, addr string) (proc.Params, error)
	skips  []kind // of replicas, that it is not set up for
	// It passes bodies on and reads none: it cannot tell one that is wrong, and holds them only if it is told to.
	blind bool
}

// deadline is how long our front lets a call take: the default of -max-time.
const deadline = 250 * time.Millisecond

// stringsvc is ours as a user gets it: retries, hedging, breaker and the deadline are its defaults.
var stringsvc = front{name: "stringsvc", pkg: proc.Stringsvc, ours: true, params: proxyFlags(proc.Stringsvc)}

// rotaProxy is the binary's proxy, told what stringsvc knows: its calls may be repeated, and take so long at most.
var rotaProxy = front{name: "proxy", pkg: proc.Rota, ours: true, params: proxy, blind: true}

// systems are what has to meet the targets.
var systems = []front{stringsvc, rotaProxy}

// others are for scale.
var others = []front{
	{name: "gokit", pkg: proc.Gokitsvc, params: proxyFlags(proc.Gokitsvc, "-open-limiter"), skips: []kind{named}},
	{name: "nginx", bin: "nginx", params: nginx, skips: []kind{secure, named}},
	{name: "haproxy", bin: "haproxy", params: haproxy, skips: []kind{secure, named}},
	// What calling one replica without any help comes to. The harness must find fault with it.
	{name: "direct", pkg: proc.Stringsvc, params: direct},
}

func proxyFlags(pkg string, flags ...string) func(*world, string) (proc.Params, error) {
	return func(w *world, _ string) (proc.Params, error) {
		return proc.Params{
			Bin:  w.bins[pkg],
			Args: append([]string{"-proxy=" + strings.Join(w.targets(), ",")}, flags...),
			Env:  []string{"SSL_CERT_FILE=" + w.certs.authority},
		}, nil
	}
}

func proxy(w *world, addr string) (proc.Params, error) {
	var err error
	if w.metrics, err = proc.FreeAddr(); err != nil {
		return proc.Params{}, err
	}
	p := proc.Params{
		Bin: w.bins[proc.Rota], Bare: true, Args: []string{"proxy", "-admin", w.metrics}, Env: []string{"SSL_CERT_FILE=" + w.certs.authority},
	}
	to := strings.Join(w.targets(), ",")
	if w.row.kind == secure { // only a file says for which name a certificate has to be
		conf, err := w.writeConf("proxy.yaml", proxyConf, addr, to, deadline)
		p.Args = append(p.Args, "-config", conf)
		return p, err
	}
	p.Args = append(p.Args, "-listen", addr, "-to", to, "-idempotent", "-max-time", deadline.String())
	if w.row.held {
		p.Args = append(p.Args, "-buffer", "64KiB")
	}
	return p, nil
}

const proxyConf = `listeners:
  - listen: "%[1]s"
routes:
  - service: backend
    idempotent: true
services:
  backend:
    target: "%[2]s"
    tls:
      server_name: 127.0.0.1
    policy:
      timeout: %[3]v
      retry: {}
      hedge: {}
      breaker: {}
`

func direct(w *world, _ string) (proc.Params, error) {
	return proc.Params{
		Bin:  w.bins[proc.Stringsvc],
		Args: []string{"-proxy=" + w.targets()[0], "-max-attempts=1", "-hedge=false"},
		Env:  []string{"SSL_CERT_FILE=" + w.certs.authority},
	}, nil
}

const nginxConf = `daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log /dev/null crit;
events { worker_connections 4096; }
http {
	access_log off;
	client_body_temp_path %[1]s/nginx; proxy_temp_path %[1]s/nginx;
	fastcgi_temp_path %[1]s/nginx; uwsgi_temp_path %[1]s/nginx; scgi_temp_path %[1]s/nginx;
	upstream replicas {
		%[2]s
		keepalive 64;
	}
	server {
		listen %[3]s;
		location / {
			proxy_pass http://replicas;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_connect_timeout 250ms;
			proxy_read_timeout 1s;
			proxy_next_upstream error timeout invalid_header http_500 http_502 http_503 http_504 non_idempotent;
			proxy_next_upstream_tries 3;
		}
	}
}
`

func nginx(w *world, addr string) (proc.Params, error) {
	var servers []string
	for _, n := range w.nodes {
		servers = append(servers, "server "+n.addr+";")
	}
	conf, err := w.writeConf("nginx.conf", nginxConf, w.dir, strings.Join(servers, "\n\t\t"), addr)
	return proc.Params{Bin: "nginx", Bare: true, Args: []string{"-p", w.dir, "-c", conf}}, err
}

const haproxyConf = `defaults
	mode http
	timeout connect 250ms
	timeout client 30s
	timeout server 1s
	retries 2
	option redispatch 1
	retry-on all-retryable-errors
	http-reuse safe
frontend in
	bind %[1]s
	default_backend replicas
backend replicas
	balance roundrobin
	%[2]s
`

// haproxy checks its replicas by connecting to them every half a second.
func haproxy(w *world, addr string) (proc.Params, error) {
	var servers []string
	for i, n := range w.nodes {
		servers = append(servers, fmt.Sprintf("server r%d %s check inter 500ms fall 2 rise 2", i, n.addr))
	}
	conf, err := w.writeConf("haproxy.cfg", haproxyConf, addr, strings.Join(servers, "\n\t"))
	return proc.Params{Bin: "haproxy", Bare: true, Args: []string{"-db", "-q", "-f", conf}}, err
}

func (s *workshop) writeConf(name, format string, args ...any) (string, error) {
	file := filepath.Join(s.dir, name)
	return file, os.WriteFile(file, fmt.Appendf(nil, format, args...), 0o600)
}

func (f front) cannot(k kind) bool { return slices.Contains(f.skips, k) }
