package rotadash

import (
	"sync/atomic"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/internal/hist"
)

// books are what calls write to, by service. They do not change: Set makes others.
type books map[string]*book

// book has a histogram for each replica that is shown. Its map does not change: a sample that finds other replicas stores
// another.
type book struct {
	replicas atomic.Pointer[map[string]*hist.Hist]
}

func newBook() *book {
	b := new(book)
	b.replicas.Store(&map[string]*hist.Hist{})
	return b
}

// Observer returns what tells the Dash of calls and events: for the Config of every Client that it shows, beside others by
// rota.Observers.
func (d *Dash) Observer() rota.Observer {
	o := d.recorder.Observer()
	o.AttemptEnded = d.attemptEnded
	o.BreakerChanged = func(e rota.BreakerEvent) { d.note(ofBreaker(e), time.Now()) }
	o.PanicChanged = func(e rota.PanicEvent) { d.note(ofPanic(e), time.Now()) }
	o.SetChanged = func(e rota.SetEvent) { d.note(ofSet(e), time.Now()) }
	o.ResolveFailed = func(e rota.ResolveEvent) { d.note(ofResolve(e), time.Now()) }
	return o
}

// attemptEnded is called for every attempt. One that lost to another counts with the time that it had: a replica that
// always loses is not to look quick. A refusal does not, because it says how long nothing took.
func (d *Dash) attemptEnded(e rota.AttemptEvent) {
	switch e.Report.Verdict {
	case rota.Overload:
		return
	case rota.Ignored:
		if e.Report.Err != rota.ErrLost {
			return
		}
	}
	b := (*d.books.Load())[e.Service]
	if b == nil {
		return
	}
	if h := (*b.replicas.Load())[e.Report.Instance.Addr]; h != nil {
		h.Add(e.Report.Took)
	}
}
