package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/rota-go/rota/bench/proc"
)

// caddyModule is what go install makes Caddy of: a module of hundreds of others, which this one is spared.
const caddyModule = "github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9"

// A system is one proxy to measure.
type system struct {
	name    string
	find    func(context.Context, *bench) (bin string, err error)
	params  func(b *bench, addr string) (proc.Params, error) // but for Bin
	version []string                                         // the arguments with which it says it; nil = it is ours
}

// systems are the rows of the tables. Each keeps its connections to the replicas, has as many workers as there are processors,
// and writes no line for a request. rota is as a user gets it: Echo, retries, hedges, breaker, the page with its records of
// decisions, and metrics.
var systems = []system{
	{name: "rota proxy", find: built(proc.Rota), params: rota},
	{name: baseName, find: built(proc.Reverseproxy), params: reverseProxy},
	{name: caddyName, find: findCaddy, params: caddy, version: []string{"build-info"}},
	{name: "nginx", find: installed("nginx", "nginx-light"), params: nginx, version: []string{"-v"}},
	{name: "HAProxy", find: installed("haproxy", "haproxy"), params: haproxy, version: []string{"-v"}},
}

// baseName is the system in terms of which the others are given; caddyName one that ours is to be below.
const (
	baseName  = "httputil.ReverseProxy"
	caddyName = "Caddy"
)

// built compiles one of our commands.
func built(pkg string) func(context.Context, *bench) (string, error) {
	return func(ctx context.Context, b *bench) (string, error) { return proc.Build(ctx, b.dir, pkg) }
}

// errMissing is why a row is left out.
var errMissing = errors.New("left out")

func installed(bin, pkg string) func(context.Context, *bench) (string, error) {
	return func(context.Context, *bench) (string, error) {
		file, err := exec.LookPath(bin)
		if err != nil {
			return "", fmt.Errorf("%w: install the Debian package %s (apt-get install %[2]s)", errMissing, pkg)
		}
		return file, nil
	}
}

func findCaddy(ctx context.Context, b *bench) (string, error) {
	if b.caddy != "" {
		return exec.LookPath(b.caddy)
	}
	cmd := exec.CommandContext(ctx, "go", "install", caddyModule)
	cmd.Env = append(os.Environ(), "GOBIN="+b.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: go install %s: %v\n%s\n-caddy=FILE measures one that is installed", errMissing, caddyModule, err, out)
	}
	return filepath.Join(b.dir, "caddy"), nil
}

func rota(b *bench, addr string) (proc.Params, error) {
	admin, err := proc.FreeAddr()
	return proc.Params{Bare: true, Args: []string{"proxy", "-listen", addr, "-to", strings.Join(b.replicas, ","), "-admin", admin}}, err
}

func reverseProxy(b *bench, addr string) (proc.Params, error) {
	return proc.Params{Bare: true, Args: []string{"-listen=" + addr, "-to=" + strings.Join(b.replicas, ",")}}, nil
}

const caddyConf = `{
	admin off
	auto_https off
	log {
		output discard
	}
}
http://%[1]s {
	reverse_proxy %[2]s {
		lb_policy round_robin
		transport http {
			keepalive_idle_conns_per_host 1024
			compression off
		}
	}
}
`

func caddy(b *bench, addr string) (proc.Params, error) {
	conf, err := b.writeConf("Caddyfile", caddyConf, addr, strings.Join(b.replicas, " "))
	return proc.Params{
		Bare: true, Args: []string{"run", "--config", conf, "--adapter", "caddyfile"},
		Env: []string{"HOME=" + b.dir, "XDG_CONFIG_HOME=" + b.dir, "XDG_DATA_HOME=" + b.dir},
	}, err
}

const nginxConf = `daemon off;
worker_processes %[4]d;
worker_rlimit_nofile 8192;
pid %[1]s/nginx.pid;
error_log /dev/null crit;
events { worker_connections 4096; }
http {
	access_log off;
	keepalive_requests 1000000000;
	client_body_temp_path %[1]s/nginx; proxy_temp_path %[1]s/nginx;
	fastcgi_temp_path %[1]s/nginx; uwsgi_temp_path %[1]s/nginx; scgi_temp_path %[1]s/nginx;
	upstream replicas {
		%[2]s
		keepalive 1024;
		keepalive_requests 1000000000;
	}
	server {
		listen %[3]s;
		location / {
			proxy_pass http://replicas;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $host;
			proxy_set_header X-Forwarded-For $remote_addr;
		}
	}
}
`

func nginx(b *bench, addr string) (proc.Params, error) {
	conf, err := b.writeConf("nginx.conf", nginxConf, b.dir, b.each("server ADDR;", "\n\t\t"), addr, runtime.NumCPU())
	return proc.Params{Bare: true, Args: []string{"-p", b.dir, "-c", conf}}, err
}

const haproxyConf = `global
	nbthread %[3]d
	maxconn 4096
defaults
	mode http
	timeout connect 1s
	timeout client 30s
	timeout server 30s
	http-reuse always
	option forwardfor
frontend in
	bind %[1]s
	default_backend replicas
backend replicas
	balance roundrobin
	%[2]s
`

func haproxy(b *bench, addr string) (proc.Params, error) {
	conf, err := b.writeConf("haproxy.cfg", haproxyConf, addr, b.each("server rN ADDR", "\n\t"), runtime.NumCPU())
	return proc.Params{Bare: true, Args: []string{"-db", "-q", "-f", conf}}, err
}

// each is a line for each replica, in which N is its number and ADDR its address.
func (b *bench) each(line, sep string) string {
	lines := make([]string, len(b.replicas))
	for i, addr := range b.replicas {
		lines[i] = strings.NewReplacer("N", strconv.Itoa(i), "ADDR", addr).Replace(line)
	}
	return strings.Join(lines, sep)
}

func (b *bench) writeConf(name, format string, args ...any) (string, error) {
	file := filepath.Join(b.dir, name)
	return file, os.WriteFile(file, fmt.Appendf(nil, format, args...), 0o600)
}
