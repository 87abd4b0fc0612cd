package rotadash

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxStreams = 32               // that are open at a time
	writeTime  = 10 * time.Second // for what is pushed at once, to a slow reader
)

// stream pushes to one who watches: first everything, or of histories what came since it was here last, and then what is
// new. Who asks for a service gets the replicas of that one, and others' only by chance. It ends with Run.
func (d *Dash) stream(w http.ResponseWriter, r *http.Request) {
	select {
	case <-d.done:
		refuse(w, http.StatusServiceUnavailable, "the program is ending")
		return
	default:
	}
	select {
	case d.streams <- struct{}{}:
		defer func() { <-d.streams }()
	default:
		w.Header().Set("Retry-After", "10")
		refuse(w, http.StatusServiceUnavailable, "too many watch already")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{})
	send := func(frames ...[]byte) bool {
		_ = control.SetWriteDeadline(time.Now().Add(writeTime)) // in the server's place, which bounds whole replies
		for _, f := range frames {
			if _, err := w.Write(f); err != nil {
				return false
			}
		}
		return control.Flush() == nil
	}
	if !send([]byte("retry: 1000\n\n")) {
		return
	}
	query := r.URL.Query()
	of := d.watch(query.Get("service"), query.Has("service"))
	defer d.unwatch(of)
	for since := d.lastSeen(r); ; since = 0 {
		at := d.feed.now() // before the state: what comes between is pushed twice, and known by its number
		state := d.state(since, of)
		first, err := frame("state", d.boot+"-"+formatTick(state.Tick), state)
		if err != nil || !send(first) || !d.follow(r, at, send) {
			return
		}
	}
}

// watched reports whether anybody watches: for nobody, nothing is encoded. Under mu, whoever comes later finds what was not
// pushed in the state that it begins with.
func (d *Dash) watched() bool { return len(d.streams) > 0 }

// follow sends frames as they come. It reports false when the stream is over, and true when it has missed some.
func (d *Dash) follow(r *http.Request, at uint64, send func(...[]byte) bool) bool {
	for {
		frames, next, more, ok := d.feed.since(at)
		if !ok {
			return true
		}
		if at = next; len(frames) > 0 && !send(frames...) {
			return false
		}
		select {
		case <-more:
		case <-d.done:
			return false
		case <-r.Context().Done():
			return false
		}
	}
}

// lastSeen returns the tick up to which the reader has everything; 0 = nothing, or of another run.
func (d *Dash) lastSeen(r *http.Request) uint64 {
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		last = r.URL.Query().Get("last")
	}
	boot, tick, _ := strings.Cut(last, "-")
	if boot != d.boot {
		return 0
	}
	n, _ := strconv.ParseUint(tick, 10, 64)
	return n
}
