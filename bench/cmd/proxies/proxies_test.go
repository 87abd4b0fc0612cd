package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota/bench/wrk"
)

func TestFlags(t *testing.T) {
	p, err := parse([]string{"-run=NGINX"}, io.Discard)
	if err != nil || p.rounds != 5 || p.duration != 3*time.Second || p.warmup != time.Second || !p.run.MatchString("nginx") || p.run.MatchString("Caddy") {
		t.Errorf("parse() = %+v, %v", p, err)
	}
	for _, bad := range []string{"-rounds=0", "-duration=1500ms", "-duration=0s", "-duration=2m", "-warmup=0s", "-run=(", "more"} {
		var said bytes.Buffer
		if _, err := parse([]string{bad}, &said); err == nil || !strings.Contains(said.String(), strings.Split(bad, "=")[0]) {
			t.Errorf("parse(%s) = %v, saying %q; want an error that names it", bad, err, said.String())
		}
	}
}

// Each is told where to listen and of every replica, in its arguments or in its file, and no verb of a format is left.
func TestEverySystemIsToldOfTheReplicas(t *testing.T) {
	b := &bench{dir: t.TempDir(), replicas: []string{"127.0.0.1:7001", "127.0.0.1:7002", "127.0.0.1:7003"}}
	for i := range systems {
		s := &systems[i]
		t.Run(s.name, func(t *testing.T) {
			p, err := s.params(b, "127.0.0.1:7000")
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Join(p.Args, " ")
			for _, arg := range p.Args {
				if conf, err := os.ReadFile(arg); err == nil {
					text += string(conf)
				}
			}
			for _, want := range append([]string{"127.0.0.1:7000"}, b.replicas...) {
				if strings.Count(text, want) != 1 {
					t.Errorf("%s is there %d times, want once, in:\n%s", want, strings.Count(text, want), text)
				}
			}
			if strings.Contains(text, "%!") || strings.Contains(text, "ADDR") || strings.Contains(text, "rN") {
				t.Errorf("something is not filled in:\n%s", text)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			w.WriteHeader(http.StatusBadGateway)
		}
		io.WriteString(w, "hello")
	}))
	defer s.Close()
	if err := check(t.Context(), s.URL, 5); err != nil {
		t.Errorf("check() = %v", err)
	}
	if check(t.Context(), s.URL, 6) == nil || check(t.Context(), s.URL+"/bad", 5) == nil {
		t.Error("check() takes a wrong length, or a wrong status")
	}
}

// testRows are rota, ReverseProxy and Caddy with these times a request in every round.
func testRows(cpu ...float64) []*row {
	rows := newRows([]*system{&systems[0], &systems[1], &systems[2]})
	for i, r := range rows {
		for l := range loads {
			for range 3 {
				r.all[l] = append(r.all[l], measurement{
					Result: wrk.Result{Requests: 1, PerSecond: 1000, P50: time.Millisecond, P99: 2 * time.Millisecond}, cpu: cpu[i], memory: 20,
				})
			}
		}
	}
	return rows
}

func TestReport(t *testing.T) {
	var out bytes.Buffer
	report(&out, testRows(102, 100, 150))
	for _, want := range []string{
		"| rota proxy | 102.0 | 1.02x (1.02 to 1.02) | 1000 | 1.00 | 2.0 | 20.0 | 1.00x |", "| Caddy | 150.0 | 1.50x",
		"1.02x, met", "memory, 512 connections, 13 bytes: at most 1.50x of ReverseProxy's: 1.00x, met",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
	out.Reset()
	report(&out, testRows(106, 100, 150))
	if !strings.Contains(out.String(), "1.06x, MISSED") {
		t.Errorf("a missed target is not said in:\n%s", out.String())
	}
	out.Reset()
	report(&out, testRows(100, 100, 99))
	if !strings.Contains(out.String(), "below Caddy's: 1.01x, MISSED") {
		t.Errorf("a missed target is not said in:\n%s", out.String())
	}
}

// Ratios are of rounds: one round in which the machine was slow for all changes none.
func TestRatiosAreOfRounds(t *testing.T) {
	rows := testRows(50, 100, 150)
	for _, r := range rows {
		r.all[0][1].cpu *= 10
	}
	for i, got := range rows[0].against(rows[1], 0, cpuOf) {
		if got != 0.5 {
			t.Errorf("round %d: %v, want 0.5", i+1, got)
		}
	}
}

func TestFailedCallsAreAnError(t *testing.T) {
	rows := testRows(50, 100, 150)
	if err := anyErrors(rows); err != nil {
		t.Errorf("anyErrors() = %v, want none", err)
	}
	rows[2].all[1][0].Bad = 7
	if err := anyErrors(rows); err == nil || !strings.Contains(err.Error(), "round 1, 512 connections, 13 bytes, Caddy: 7 answers not 2xx") {
		t.Errorf("anyErrors() = %v, want the answers by round and system", err)
	}
}
