package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota/bench/load"
)

func TestMissed(t *testing.T) {
	good := result{Calls: 4000, P99: ms(5 * time.Millisecond), Max: ms(200 * time.Millisecond), Attempts: 1.1, IsEven: true, Recovered: true, Named: 1}
	with := func(f func(*result)) result {
		r := good
		f(&r)
		return r
	}
	tests := []struct {
		name    string
		targets targets
		result  result
		want    string
	}{
		{"all met", usual, good, ""},
		{"one failed", usual, with(func(r *result) { r.Failed = 1 }), "failed"},
		{"one wrong", usual, with(func(r *result) { r.Wrong = 1 }), "wrong"},
		{"slow", usual, with(func(r *result) { r.P99 = ms(11 * time.Millisecond) }), "p99"},
		{"slow, where it may be", twoDead, with(func(r *result) { r.P99 = ms(49 * time.Millisecond) }), ""},
		{"late", usual, with(func(r *result) { r.Max = ms(251 * time.Millisecond) }), "max"},
		{"over the budget", usual, with(func(r *result) { r.OverBudget = 0.5 }), "attempts"},
		{"never even", usual, with(func(r *result) { r.IsEven = false }), "even spread"},
		{"even too late", usual, with(func(r *result) { r.Even = ms(3 * time.Second) }), "even spread"},
		{"brown-out, a tenth of a percent", brown, with(func(r *result) { r.Failed = 4 }), ""},
		{"brown-out, more", brown, with(func(r *result) { r.Failed = 5 }), "failed"},
		{"all fail", allDead, with(func(r *result) { r.Failed, r.FaultFailed = 2000, 2000 }), ""},
		{"all fail, unnamed", allDead, with(func(r *result) { r.FaultFailed, r.Named = 2000, 0.99 }), "attempts named"},
		{"all fail, slowly", allDead, with(func(r *result) { r.FaultFailed, r.ErrorP99 = 2000, ms(21*time.Millisecond) }), "time to error"},
		{"all fail, and go on", allDead, with(func(r *result) { r.Recovered = false }), "recovery"},
		{"cold start", usual, with(func(r *result) { r.Before = 1 }), "before the fault"},
		{"wrong, where nobody could tell", inside(row{targets: usual}).of(rotaProxy), with(func(r *result) { r.Wrong = 1 }), ""},
		{"wrong, where somebody could", inside(row{targets: usual}).of(stringsvc), with(func(r *result) { r.Wrong = 1 }), "wrong"},
		{"several", usual, with(func(r *result) { r.Failed, r.Wrong = 1, 1 }), "wrong failed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.Join(tt.targets.missed(tt.result, true), " "); got != tt.want {
				t.Errorf("missed() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestErrorsOf(t *testing.T) {
	all := []load.Sample{
		{Result: load.Right, Took: time.Second},
		{Result: load.Failed, Took: time.Millisecond, Body: `{"err":"x","attempts":[{"replica":"a","outcome":"500"}]}`},
		{Result: load.Failed, Took: 2 * time.Millisecond, Body: `{"err":"no replica is usable"}`},
		{Result: load.Failed, Took: time.Millisecond, Body: "rota: no replica answered after 3 attempts\n"},
		{Result: load.Failed, Took: time.Millisecond, Body: "rota: no replica to send it to\n"},
		{Result: load.Failed, Took: time.Millisecond, Body: "{}"},
		{Result: load.Failed, Took: time.Millisecond, Body: "<html>"},
	}
	if p99, named := errorsOf(all); p99 != ms(2*time.Millisecond) || named != 0.5 {
		t.Errorf("errorsOf() = %v, %v; want 2 ms and half of them", p99, named)
	}
}

func TestWhatWasUnderWayIsNotBefore(t *testing.T) {
	all := []load.Sample{
		{Result: load.Failed, Due: time.Second, Took: time.Millisecond},
		{Result: load.Wrong, Due: 2 * time.Second, Took: 2 * time.Millisecond}, // at the begin of the fault
		{Result: load.Right, Due: time.Second},
	}
	if got := badBy(all, 2*time.Second+time.Millisecond); got != 1 {
		t.Errorf("badBy() = %d, want 1", got)
	}
}

func TestPageSum(t *testing.T) {
	const p = page("# HELP a_total x\na_total{x=\"a b\"} 3\na_total{x=\"y\"} 1e+01\na_total_other 7\na 2\n")
	for name, want := range map[string]float64{"a_total": 13, "a": 2, "b": 0} {
		if got := p.sum(name); got != want {
			t.Errorf("sum(%s) = %v, want %v", name, got, want)
		}
	}
}

func TestNodeReadsLinesInPieces(t *testing.T) {
	n := &node{set: make(chan struct{}, 1)}
	for _, piece := range []string{"10", "00\n3", "000\nse", "t\n2000\n"} {
		_, _ = io.WriteString(n, piece)
	}
	<-n.set
	at := n.arrivals(time.UnixMicro(0))
	if len(at) != 3 || at[0] != time.Millisecond || at[2] != 3*time.Millisecond {
		t.Errorf("arrivals() = %v, want 1, 2 and 3 ms", at)
	}
}

func TestSumOfRepetitions(t *testing.T) {
	e := entry{targets: usual, ours: true}
	for _, p99 := range []time.Duration{30, 2, 3} {
		e.Runs = append(e.Runs, result{Calls: 10, P99: ms(p99 * time.Millisecond), Max: ms(p99 * 4 * time.Millisecond), IsEven: true})
	}
	e.sum()
	if s := e.Sum; s.Calls != 30 || s.P99 != ms(3*time.Millisecond) || s.Max != ms(120*time.Millisecond) || len(e.Missed) > 0 {
		t.Errorf("sum = %+v, missed %v; want 30 calls, the median p99, the worst max, none missed", s, e.Missed)
	}
}

func TestTableNamesWhatIsMissed(t *testing.T) {
	e := &entry{Fault: "hung", Front: "stringsvc", targets: usual, ours: true, Runs: []result{{Calls: 100, Failed: 3, P99: ms(time.Second)}}}
	e.sum()
	var out bytes.Buffer
	table(&out, []*entry{e, {Fault: "DNS flapping", Skipped: "not yet"}})
	for _, want := range []string{"| hung |", "3 (3 %)", "MISSED: failed, p99, even spread", "skipped: not yet"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}

func TestTroubleIsLoud(t *testing.T) {
	e := &entry{Runs: []result{{Late: ms(30 * time.Millisecond)}}}
	e.sum()
	var out bytes.Buffer
	notes(&out, []*entry{e})
	if !strings.Contains(out.String(), "COULD NOT KEEP UP") {
		t.Errorf("notes = %q, want a warning", out.String())
	}
}

func TestFlags(t *testing.T) {
	p, err := parse([]string{"-run=KILLED", "-against=nginx,direct"}, io.Discard)
	if err != nil || len(p.rows) != 3 || len(p.fronts) != 4 || p.rate != 400 || p.total() != 12*time.Second {
		t.Errorf("parse() = %d rows, %d fronts, %v, %v", len(p.rows), len(p.fronts), p.phases, err)
	}
	for _, bad := range []string{"-run=nosuch", "-run=(", "-against=envoy", "-system=", "-system=nginx", "-rate=0", "-fault=0s", "-after=0s", "-repeat=0", "more"} {
		var said bytes.Buffer
		if _, err := parse([]string{bad}, &said); err == nil || !strings.Contains(said.String(), strings.Split(bad, "=")[0]) {
			t.Errorf("parse(%s) = %v, saying %q; want an error that names it", bad, err, said.String())
		}
	}
}

func TestNameServer(t *testing.T) {
	s, err := serveNames([]string{"127.0.0.2:80", "127.0.0.3:80", "127.0.0.4:80"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	query := []byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05users\x04test\x00\x00\x01\x00\x01")
	tests := []struct {
		name    string
		mood    mood
		answers int
		code    byte
		silent  bool
	}{
		{name: "well", mood: allNames, answers: 3},
		{name: "fewer", mood: mood{from: 1, to: 3}, answers: 2},
		{name: "none"},
		{name: "failure", mood: mood{code: 2}, code: 2},
		{name: "silent", mood: mood{silent: true}, silent: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.set(tt.mood)
			got := s.reply(query)
			if tt.silent != (got == nil) {
				t.Fatalf("reply() = %q", got)
			}
			if !tt.silent && (string(got[:2]) != "\x12\x34" || got[7] != byte(tt.answers) || got[3]&15 != tt.code || len(got) != len(query)+16*tt.answers) {
				t.Errorf("reply() = %q, want %d addresses and code %d", got, tt.answers, tt.code)
			}
		})
	}
	for _, bad := range [][]byte{nil, query[:11], query[:20], query[:len(query)-5]} {
		if got := s.reply(bad); got != nil {
			t.Errorf("reply(%q) = %q, want none", bad, got)
		}
	}
}
