package rotadash

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rota-go/rota"
)

// batchEvery is how often new decisions are pushed.
const batchEvery = 250 * time.Millisecond

// inState is how many decisions a stream begins with.
const inState = 200

// decisions are the last that were taken, and of those that are worth a look some more.
type decisions struct {
	max     int
	last    uint64     // id of the last
	recent  []decision // the oldest first
	notable []decision // that fell out of recent: failed, retried or hedged
}

type decision struct {
	summary decisionSummary
	full    *rota.Decision
}

// decisionSummary is a line in the list of decisions.
type decisionSummary struct {
	ID       uint64    `json:"id"`
	Time     time.Time `json:"time"`
	Service  string    `json:"service"`
	Route    string    `json:"route,omitempty"`
	MS       float64   `json:"ms"`
	Outcomes []string  `json:"outcomes"` // "ok" or "failed"; "retried", "hedged", "panic"
	Replicas []string  `json:"replicas"` // of its attempts, in order
	Won      int       `json:"won"`      // which of them had the answer, from 1; 0 = none
	Error    string    `json:"error,omitempty"`
}

// The outcomes that decisions are found by.
const (
	wasOK      = "ok"
	wasFailed  = "failed"
	wasRetried = "retried"
	wasHedged  = "hedged"
)

func summaryOf(d *rota.Decision) decisionSummary {
	s := decisionSummary{
		Time: d.Start.Round(time.Microsecond).UTC(), Service: d.Service, Route: short(d.Route, 200), MS: millis(d.Took),
		Outcomes: []string{wasOK}, Replicas: make([]string, len(d.Tries)),
	}
	if d.Err != nil {
		s.Outcomes[0], s.Error = wasFailed, short(d.Err.Error(), 200)
	}
	add := func(what string) {
		if !slices.Contains(s.Outcomes, what) {
			s.Outcomes = append(s.Outcomes, what)
		}
	}
	for i := range d.Tries {
		t := &d.Tries[i]
		s.Replicas[i] = t.Instance.Addr
		if t.Won {
			s.Won = i + 1
		}
		switch t.Cause {
		case rota.Retried:
			add(wasRetried)
		case rota.Hedged, rota.Companion:
			add(wasHedged)
		}
	}
	if d.Panic {
		add("panic")
	}
	return s
}

// takeDecisions takes what the Recorder has got since, and pushes it. It returns where to go on.
func (d *Dash) takeDecisions(seen uint64) uint64 {
	list, next, _ := d.recorder.Since(seen)
	if len(list) == 0 {
		return next
	}
	news := make([]decisionSummary, len(list))
	d.mu.Lock()
	for i, one := range list {
		news[i] = d.decisions.add(one)
	}
	watched := d.watched()
	d.mu.Unlock()
	if watched {
		d.feed.publish("decisions", "", news)
	}
	return next
}

func (ds *decisions) add(one *rota.Decision) decisionSummary {
	ds.last++
	s := summaryOf(one)
	s.ID = ds.last
	if len(ds.recent) == ds.max {
		if old := ds.recent[0]; len(old.summary.Outcomes) > 1 || old.full.Err != nil {
			ds.notable = push(ds.notable, old, ds.max/2)
		}
	}
	ds.recent = push(ds.recent, decision{s, one}, ds.max)
	return s
}

// push appends to a list that keeps the last of most.
func push[T any](list []T, one T, most int) []T {
	if len(list) < most {
		return append(list, one)
	}
	if most == 0 {
		return list
	}
	copy(list, list[1:])
	list[len(list)-1] = one
	return list
}

// summaries returns what a stream begins with, the oldest first: the last ones, and the last ones worth a look.
func (ds *decisions) summaries() []decisionSummary {
	from := max(len(ds.recent)-inState, 0)
	list := make([]decisionSummary, 0, 2*inState)
	for _, one := range ds.notable[max(len(ds.notable)-inState, 0):] {
		list = append(list, one.summary)
	}
	for i, one := range ds.recent {
		if i >= from || len(one.summary.Outcomes) > 1 || one.full.Err != nil {
			list = append(list, one.summary)
		}
	}
	return list
}

// find returns the decision of that id, while it is kept.
func (ds *decisions) find(id uint64) (decision, bool) {
	for _, list := range [][]decision{ds.recent, ds.notable} {
		if i, ok := slices.BinarySearchFunc(list, id, func(d decision, id uint64) int { return cmp.Compare(d.summary.ID, id) }); ok {
			return list[i], true
		}
	}
	return decision{}, false
}

// filter says which decisions are asked for; an empty field asks for nothing.
type filter struct {
	service, replica, outcome, text string
	limit                           int
}

func (f *filter) match(s *decisionSummary) bool {
	return (f.service == "" || s.Service == f.service) &&
		(f.replica == "" || slices.Contains(s.Replicas, f.replica)) &&
		(f.outcome == "" || slices.Contains(s.Outcomes, f.outcome)) &&
		(f.text == "" || s.contains(strings.ToLower(f.text)))
}

func (s *decisionSummary) contains(text string) bool {
	for _, of := range append([]string{s.Service, s.Route, s.Error}, s.Replicas...) {
		if strings.Contains(strings.ToLower(of), text) {
			return true
		}
	}
	return false
}

// matching returns the last decisions that match, the newest first.
func (ds *decisions) matching(f filter) []decision {
	found := []decision{}
	for _, list := range [][]decision{ds.recent, ds.notable} {
		for i := len(list) - 1; i >= 0 && len(found) < f.limit; i-- {
			if f.match(&list[i].summary) {
				found = append(found, list[i])
			}
		}
	}
	return found
}

// MarshalJSON implements json.Marshaler: the summary, and the Decision in it.
func (d decision) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		decisionSummary
		Decision *rota.Decision `json:"decision"`
	}{d.summary, d.full})
}

// parseID reads an id of this run: "boot-number", as links have it, or the number alone.
func parseID(s, boot string) (uint64, bool) {
	if of, rest, ok := strings.Cut(s, "-"); ok {
		if of != boot {
			return 0, false
		}
		s = rest
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}
