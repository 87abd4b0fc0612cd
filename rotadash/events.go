package rotadash

import (
	"fmt"
	"strings"
	"time"

	"github.com/rota-go/rota"
)

// maxEvents is how many events are kept.
const maxEvents = 500

// Event is something that happened, for the timeline.
type Event struct {
	ID      uint64    `json:"id"` // the Dash gives it
	Time    time.Time `json:"time"`
	Kind    string    `json:"kind"` // a word, such as config
	Level   Level     `json:"level,omitempty"`
	Service string    `json:"service,omitempty"`
	Replica string    `json:"replica,omitempty"`
	Text    string    `json:"text"` // a line for people
}

// Level says how an event is to be taken.
type Level string

// The levels.
const (
	Plain Level = ""
	Good  Level = "good"
	Bad   Level = "bad"
)

// The kinds of events that clients tell of; ByHand is of those that came from the page.
const (
	Ejected    = "ejected"
	Returned   = "returned"
	Panic      = "panic"
	Calm       = "calm"
	SetChanged = "set"
	Unresolved = "unresolved"
	ByHand     = "by hand"
)

// events are the last of them, the oldest first.
type events struct {
	max  int
	list []Event
	last uint64
}

func (e *events) add(one Event) Event {
	e.last++
	one.ID = e.last
	if len(e.list) == e.max {
		e.list = append(e.list[:0], e.list[1:]...)
	}
	e.list = append(e.list, one)
	return one
}

// since returns those whose id is over after.
func (e *events) since(after uint64) []Event {
	if have := uint64(len(e.list)); e.last-min(after, e.last) < have {
		return append([]Event{}, e.list[have-(e.last-min(after, e.last)):]...)
	}
	return append([]Event{}, e.list...)
}

// note keeps an event and tells those who watch.
func (d *Dash) note(e Event, now time.Time) {
	if e.Time.IsZero() {
		e.Time = now
	}
	e.Time = e.Time.Round(time.Millisecond).UTC()
	e.Service, e.Replica, e.Text = short(e.Service, 200), short(e.Replica, 200), short(e.Text, 500)
	d.mu.Lock()
	defer d.mu.Unlock()
	e = d.events.add(e)
	if d.watched() {
		d.feed.publish("event", "", e) // in the order of their ids
	}
}

func ofBreaker(e rota.BreakerEvent) Event {
	if e.Open {
		return Event{Kind: Ejected, Level: Bad, Service: e.Service, Replica: e.Instance.Addr, Text: "out of use: " + e.Why}
	}
	return Event{Kind: Returned, Level: Good, Service: e.Service, Replica: e.Instance.Addr, Text: "in use again"}
}

func ofPanic(e rota.PanicEvent) Event {
	if e.On {
		return Event{Kind: Panic, Level: Bad, Service: e.Service, Text: "too few replicas are fit: all are used"}
	}
	return Event{Kind: Calm, Level: Good, Service: e.Service, Text: "enough replicas are fit again"}
}

func ofSet(e rota.SetEvent) Event {
	if e.Kept {
		return Event{Kind: SetChanged, Level: Bad, Service: e.Service, Text: fmt.Sprintf("discovery knows no replica: the last %d stay", e.Size)}
	}
	text := fmt.Sprintf("%d replicas", e.Size)
	if len(e.Added) < e.Size || len(e.Removed) > 0 {
		text += listed("added", e.Added) + listed("removed", e.Removed)
	}
	return Event{Kind: SetChanged, Service: e.Service, Text: text}
}

func listed(what string, set []rota.Instance) string {
	const most = 3
	if len(set) == 0 {
		return ""
	}
	var names []string
	for _, i := range set[:min(most, len(set))] {
		names = append(names, i.Addr)
	}
	if more := len(set) - most; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return "; " + what + " " + strings.Join(names, ", ")
}

func ofResolve(e rota.ResolveEvent) Event {
	return Event{Kind: Unresolved, Level: Bad, Service: e.Service, Text: fmt.Sprintf("replicas unknown: %v; asked again in %v", e.Err, e.Retry.Round(time.Millisecond))}
}

// short bounds a text in bytes, and makes it UTF-8.
func short(s string, most int) string {
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
