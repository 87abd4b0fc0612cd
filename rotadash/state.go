package rotadash

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The JSON of the page; docs/DASH.md says what each field means.

// serviceNow is a service at the last sample.
type serviceNow struct {
	Name        string            `json:"name"`
	SetAge      float64           `json:"set_age_s"`
	Set         int               `json:"set"` // replicas in it; those beyond maxReplicas are not shown
	Panic       bool              `json:"panic"`
	HedgeDelay  float64           `json:"hedge_delay_ms"`
	Totals      map[string]uint64 `json:"totals"` // since the Client began
	Values      map[string]number `json:"values"`
	CanEject    bool              `json:"can_eject"`
	CanOverride bool              `json:"can_override"`
	Out         int               `json:"out"`     // of the set: ejected, on trial or failing
	Drained     int               `json:"drained"` // by hand, beside the set
	Replicas    []replicaNow      `json:"replicas,omitempty"`
}

// replicaNow is a replica at the last sample.
type replicaNow struct {
	Addr         string            `json:"addr"`
	Zone         string            `json:"zone"`
	Weight       int               `json:"weight"`
	WeightByHand bool              `json:"weight_by_hand"`
	Priority     int               `json:"priority"`
	State        string            `json:"state"`
	Why          string            `json:"why"`
	Breaker      string            `json:"breaker"`
	Opened       uint64            `json:"opened"`
	InFlight     int               `json:"in_flight"`
	Share        number            `json:"share"`
	Success      number            `json:"success"`
	Average      float64           `json:"average_ms"`
	Rests        float64           `json:"rests_ms"`
	Attempts     map[string]uint64 `json:"attempts"` // ended, since the Client has it
	Values       map[string]number `json:"values"`
	On           []string          `json:"on,omitempty"` // actions in force
}

// tickView is what is pushed every second.
type tickView struct {
	Tick     uint64       `json:"tick"`
	Time     float64      `json:"time"`
	Notice   string       `json:"notice"`
	Services []serviceNow `json:"services"`
}

// stateView is what a stream begins with, and /api/state.
type stateView struct {
	Boot      string            `json:"boot"`
	Title     string            `json:"title"`
	Version   string            `json:"version"`
	Write     bool              `json:"write"`
	Notice    string            `json:"notice"`
	Actions   []actionView      `json:"actions"`
	Tick      uint64            `json:"tick"`
	From      uint64            `json:"from"`  // the tick of the first of times
	Times     []float64         `json:"times"` // seconds since 1970
	Services  []serviceHistory  `json:"services"`
	Of        string            `json:"of"` // the service whose replicas are told of; "" = all are
	Events    []Event           `json:"events"`
	Decisions []decisionSummary `json:"decisions"`
}

type actionView struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Service string `json:"service"`
	Confirm string `json:"confirm"`
	Toggles bool   `json:"toggles"` // it says when it is in force
}

// serviceHistory is a service with the columns of itself and of its replicas, all from the tick First on.
type serviceHistory struct {
	serviceNow
	First    uint64                        `json:"first"`
	History  map[string]numbers            `json:"history"`
	Replicas map[string]map[string]numbers `json:"replica_history,omitempty"`
	Now      []replicaNow                  `json:"replicas,omitempty"`
}

// tickLocked returns the last sample, with the replicas of services that somebody watches.
func (d *Dash) tickLocked() tickView {
	v := tickView{Tick: d.tick, Time: *d.times.at(d.tick), Notice: d.notice, Services: make([]serviceNow, len(d.services))}
	for i, s := range d.services {
		if d.watching[""] > 0 || d.watching[s.Name] > 0 {
			v.Services[i] = d.withActions(s.now)
			continue
		}
		v.Services[i] = s.now
		v.Services[i].Replicas = nil
	}
	return v
}

// watch notes that somebody watches the replicas of one service, by its name or else the first, and returns which; one is false
// for who watches all, which is "". unwatch is its end.
func (d *Dash) watch(name string, one bool) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case !one:
		name = ""
	case d.serviceLocked(name) == nil && len(d.services) > 0:
		name = d.services[0].Name
	}
	d.watching[name]++
	return name
}

func (d *Dash) unwatch(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.watching[name]--; d.watching[name] == 0 {
		delete(d.watching, name)
	}
}

// withActions adds to a service's rows what is in force there.
func (d *Dash) withActions(s serviceNow) serviceNow {
	if len(d.params.Actions) == 0 {
		return s
	}
	s.Replicas = slices.Clone(s.Replicas)
	for i := range s.Replicas {
		r := &s.Replicas[i]
		r.On = nil
		for _, a := range d.params.Actions {
			if (a.Service == "" || a.Service == s.Name) && a.On != nil && a.On(r.Addr) {
				r.On = append(r.On, a.Name)
			}
		}
	}
	return s
}

// state returns everything, or of replicas those of one service; of histories what came after the tick since.
func (d *Dash) state(since uint64, of string) stateView {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := stateView{
		Boot: d.boot, Title: d.params.Title, Version: d.params.Version, Write: d.params.Write, Notice: d.notice, Of: of, Actions: []actionView{},
		Tick: d.tick, From: 1, Times: []float64{}, Services: make([]serviceHistory, len(d.services)),
		Events: d.events.since(0), Decisions: d.decisions.summaries(),
	}
	for _, a := range d.params.Actions {
		v.Actions = append(v.Actions, actionView{a.Name, cmp.Or(a.Title, a.Name), a.Service, a.Confirm, a.On != nil})
	}
	if d.tick >= keep {
		v.From = d.tick - keep + 1
	}
	if since <= d.tick {
		v.From = max(v.From, since+1)
	}
	for t := v.From; t <= d.tick; t++ {
		v.Times = append(v.Times, *d.times.at(t))
	}
	for i, s := range d.services {
		rows := of == "" || of == s.Name
		if v.Services[i] = s.history(max(v.From, s.first), d.tick, rows); rows {
			v.Services[i].Now = d.withActions(s.now).Replicas
		}
	}
	return v
}

func (s *service) history(from, to uint64, rows bool) serviceHistory {
	h := serviceHistory{serviceNow: s.now, First: from, History: map[string]numbers{}, Replicas: map[string]map[string]numbers{}}
	if from > to+1 { // it came after the last sample
		from = to + 1
	}
	for name, c := range s.columns {
		h.History[name] = c.from(from, to)
	}
	if !rows {
		return h
	}
	for addr, r := range s.replicas {
		of := make(map[string]numbers, len(r.columns))
		for name, c := range r.columns {
			of[name] = c.from(from, to)
		}
		h.Replicas[addr] = of
	}
	return h
}

// sortReplicas orders rows so that they keep their places, whatever order discovery has them in: by priority, then by
// address, in which numbers count as numbers.
func sortReplicas(rows []replicaNow) {
	slices.SortFunc(rows, func(a, b replicaNow) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(len(a.Addr), len(b.Addr)), strings.Compare(a.Addr, b.Addr))
	})
}

// millis keeps microseconds.
func millis(d time.Duration) float64 { return math.Round(d.Seconds()*1e6) / 1e3 }

func formatTick(t uint64) string { return strconv.FormatUint(t, 10) }
