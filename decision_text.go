package rota

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"
)

// MarshalJSON makes an object of a Decision that people read and pages show: times in milliseconds, what is zero left out.
func (d *Decision) MarshalJSON() ([]byte, error) {
	out := decisionJSON{
		Service: d.Service, Route: d.Route, Start: d.Start, MS: millis(d.Took), DeadlineMS: millis(d.Deadline), Error: textOf(d.Err),
		Budget: math.Round(d.Budget*10) / 10, Nodes: d.Nodes, Panic: d.Panic, Traced: d.Traced, Tries: make([]tryJSON, len(d.Tries)),
	}
	for i := range d.Tries {
		t := &d.Tries[i]
		out.Tries[i] = tryJSON{
			Replica: t.Instance.Addr, Cause: t.Cause.String(), Trial: t.Trial, AfterMS: millis(t.After), MS: millis(t.Took),
			Result: t.result(), Error: textOf(t.Err), Looked: make([]candidateJSON, len(t.Looked)),
		}
		for j, c := range t.Looked {
			to := candidateJSON{Replica: c.Addr, InFlight: c.InFlight, LatencyMS: millis(c.Latency), Passed: c.Passed, Chosen: c.Chosen}
			if !math.IsNaN(c.Score) && !math.IsInf(c.Score, 0) {
				to.Score = &c.Score
			}
			out.Tries[i].Looked[j] = to
		}
	}
	return json.Marshal(out)
}

type decisionJSON struct {
	Service    string    `json:"service"`
	Route      string    `json:"route,omitempty"`
	Start      time.Time `json:"start"`
	MS         float64   `json:"ms"`
	DeadlineMS float64   `json:"deadline_ms,omitempty"`
	Error      string    `json:"error,omitempty"`
	Tries      []tryJSON `json:"tries"`
	Budget     float64   `json:"budget"`
	Nodes      int       `json:"nodes"`
	Panic      bool      `json:"panic,omitempty"`
	Traced     bool      `json:"traced"`
}

type tryJSON struct {
	Replica string          `json:"replica"`
	Cause   string          `json:"cause"`
	Trial   bool            `json:"trial,omitempty"`
	AfterMS float64         `json:"after_ms"`
	MS      float64         `json:"ms"`
	Result  string          `json:"result"`
	Error   string          `json:"error,omitempty"`
	Looked  []candidateJSON `json:"looked,omitempty"`
}

type candidateJSON struct {
	Replica   string   `json:"replica"`
	Score     *float64 `json:"score,omitempty"`
	InFlight  int      `json:"in_flight"`
	LatencyMS float64  `json:"latency_ms,omitempty"`
	Passed    string   `json:"passed,omitempty"`
	Chosen    bool     `json:"chosen,omitempty"`
}

// result says how a try ended, in a word or two.
func (t *Try) result() string {
	switch {
	case t.Won:
		return "won"
	case t.TimedOut: // though it may not have come back yet
		return "timed out"
	case t.UnderWay:
		return "under way"
	}
	return t.Verdict.String()
}

// millis keeps microseconds, which is as much as anybody reads.
func millis(d time.Duration) float64 { return math.Round(d.Seconds()*1e6) / 1e3 }

// maxErrorText bounds what of an error's text is shown: a replica may have had a part in it.
const maxErrorText = 512

func textOf(err error) string {
	if err == nil {
		return ""
	}
	s := err.Error()
	if len(s) > maxErrorText {
		s = s[:maxErrorText] + "…"
	}
	return s
}

// LogValue implements slog.LogValuer: a group with a line for every try, and another for whom it was chosen from.
func (d *Decision) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("service", d.Service), slog.Duration("took", d.Took), slog.Float64("budget", math.Round(d.Budget*10)/10), slog.Int("nodes", d.Nodes),
	}
	if d.Panic {
		attrs = append(attrs, slog.Bool("panic", true))
	}
	if d.Route != "" {
		attrs = append(attrs, slog.String("route", d.Route))
	}
	for i := range d.Tries {
		t := &d.Tries[i]
		line := fmt.Sprintf("%s %s after %v: %s in %v", t.Instance.Addr, t.Cause, t.After, t.result(), t.Took)
		if t.Err != nil {
			line += ": " + textOf(t.Err)
		}
		attrs = append(attrs, slog.String(fmt.Sprintf("try%d", i+1), line))
		if len(t.Looked) > 0 {
			attrs = append(attrs, slog.String(fmt.Sprintf("from%d", i+1), candidates(t.Looked)))
		}
	}
	if d.Err != nil {
		attrs = append(attrs, slog.String("error", textOf(d.Err)))
	}
	return slog.GroupValue(attrs...)
}

// maxLogged is how many candidates of a try a log has.
const maxLogged = 8

// candidates makes a line of those that were looked at.
func candidates(looked []Candidate) string {
	var b strings.Builder
	for i := range looked[:min(len(looked), maxLogged)] {
		c := &looked[i]
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.Addr)
		if !math.IsNaN(c.Score) {
			fmt.Fprintf(&b, " score %.4g", c.Score)
		}
		switch {
		case c.Chosen:
			b.WriteString(" chosen")
		case c.Passed != "":
			b.WriteString(" passed over: " + c.Passed)
		}
	}
	if more := len(looked) - maxLogged; more > 0 {
		fmt.Fprintf(&b, ", %d more", more)
	}
	return b.String()
}
