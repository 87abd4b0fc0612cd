package main

import (
	"fmt"
	"time"

	"github.com/rota-go/rota/sim"
)

// progress is one line on a terminal, and nothing anywhere else.
type progress struct {
	io    stdio
	name  string
	begun time.Time
}

func newProgress(io stdio, name string) *progress {
	p := &progress{io, name, time.Now()}
	p.line("%s: running", name)
	return p
}

// show tells how far it is, and how long it will take if the runs that are left take as long.
func (p *progress) show(s sim.Progress) {
	took := time.Since(p.begun)
	left := time.Duration(float64(took) / float64(s.Done) * float64(s.Total-s.Done)).Round(time.Second)
	p.line("%s: %d of %d runs, %.1f million calls, about %v left", p.name, s.Done, s.Total, float64(s.Calls)/1e6, left)
}

// end takes the line away.
func (p *progress) end() { p.line("") }

func (p *progress) line(format string, args ...any) {
	if p.io.watched {
		fmt.Fprintf(p.io.err, "\r\x1b[K"+format, args...)
	}
}
