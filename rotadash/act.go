package rotadash

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/rota-go/rota"
)

// builtIn are the acts that Params.Write allows; other names are Actions.
var builtIn = []string{"eject", "drain", "undrain", "weight", "reset"}

// actTime bounds what an Action may take.
const actTime = 10 * time.Second

// order is what is to be done to a replica.
type order struct {
	Act     string `json:"act"`
	Service string `json:"service"`
	Replica string `json:"replica"`
	Weight  int    `json:"weight"`
	// Confirm says that somebody was asked: nothing built in is done without.
	Confirm bool `json:"confirm"`
}

// refusal is an error with the status to answer it by.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func (d *Dash) act(w http.ResponseWriter, r *http.Request) {
	o, err := readOrder(r)
	if err == nil {
		err = d.obey(r.Context(), o)
		d.audit(r, o, err)
	} else {
		d.auditRefusal(r, err.Error())
	}
	if err != nil {
		status := http.StatusConflict
		if no, ok := errors.AsType[*refusal](err); ok {
			status = no.status
		}
		refuse(w, status, err.Error())
		return
	}
	writeJSON(w, map[string]bool{"done": true})
}

func readOrder(r *http.Request) (o order, err error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return o, &refusal{http.StatusUnsupportedMediaType, "want Content-Type: application/json"}
	}
	if r.Header.Get(header) == "" {
		return o, &refusal{http.StatusForbidden, "want the header " + header}
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&o); err != nil {
		return o, &refusal{http.StatusBadRequest, "body: " + err.Error()}
	}
	return o, nil
}

// obey does what is ordered.
func (d *Dash) obey(ctx context.Context, o order) error {
	d.mu.Lock()
	s := d.serviceLocked(o.Service)
	var of Service
	if s != nil {
		of = s.Service
	}
	d.mu.Unlock()
	if s == nil {
		return &refusal{http.StatusNotFound, "there is no service " + strconv.Quote(o.Service)}
	}
	if !of.has(o.Replica) {
		return &refusal{http.StatusNotFound, "there is no replica " + strconv.Quote(o.Replica)}
	}
	for _, a := range d.params.Actions {
		if a.Name == o.Act && (a.Service == "" || a.Service == o.Service) {
			ctx, cancel := context.WithTimeout(ctx, actTime)
			defer cancel()
			return a.Do(ctx, o.Replica)
		}
	}
	if !d.params.Write {
		return &refusal{http.StatusForbidden, "this page reads only"}
	}
	if !o.Confirm {
		return &refusal{http.StatusBadRequest, `want "confirm": true`}
	}
	return of.do(o)
}

// has reports whether a replica is in the set now, or drained by hand.
func (s *Service) has(replica string) bool {
	for _, n := range s.Source.Stats().Nodes {
		if n.Instance.Addr == replica {
			return true
		}
	}
	return s.Overrides != nil && slices.ContainsFunc(s.Overrides.List(), func(o rota.Override) bool { return o.Addr == replica })
}

// do does what every service can.
func (s *Service) do(o order) error {
	no := &refusal{http.StatusConflict, "this service cannot do that"}
	if o.Act == "eject" {
		if s.Ejector == nil {
			return no
		}
		if !s.Ejector.Eject(o.Replica) {
			return errors.New("it was not ejected: too many are out, or the service has no breaker")
		}
		return nil
	}
	if s.Overrides == nil {
		return no
	}
	switch o.Act {
	case "drain":
		return s.Overrides.Drain(o.Replica)
	case "undrain":
		if !s.Overrides.Undrain(o.Replica) {
			return errors.New("it was not drained")
		}
		return nil
	case "weight":
		return s.Overrides.SetWeight(o.Replica, o.Weight)
	case "reset":
		if !s.Overrides.Reset(o.Replica) {
			return errors.New("nothing was changed by hand")
		}
		return nil
	}
	return &refusal{http.StatusNotFound, "nobody knows how to " + strconv.Quote(o.Act)}
}

// auditRefusal logs that somebody would have changed something, had it come so far.
func (d *Dash) auditRefusal(r *http.Request, why string) {
	if r.Method == http.MethodPost {
		d.log.Warn("admin: refused", slog.String("path", short(r.URL.Path, 100)), slog.String("host", short(r.Host, 200)),
			slog.String("origin", short(r.Header.Get("Origin"), 200)), slog.String("remote", r.RemoteAddr), slog.String("err", why))
	}
}

// audit logs what was ordered, whatever came of it, and shows what was done.
func (d *Dash) audit(r *http.Request, o order, err error) {
	attrs := []any{
		slog.String("act", short(o.Act, 100)), slog.String("service", short(o.Service, 200)), slog.String("replica", short(o.Replica, 200)),
		slog.String("remote", r.RemoteAddr),
	}
	text := cmp.Or(map[string]string{
		"eject": "ejected", "drain": "drained", "undrain": "taken back", "reset": "as discovery has it again",
	}[o.Act], o.Act)
	if o.Act == "weight" {
		attrs = append(attrs, slog.Int("weight", o.Weight))
		text = fmt.Sprintf("weight %d", o.Weight)
		if o.Weight == 0 {
			text = "its own weight again"
		}
	}
	if err != nil {
		d.log.Warn("admin: refused", append(attrs, slog.Any("err", err))...)
		return
	}
	d.log.Info("admin: done", attrs...)
	d.note(Event{Kind: ByHand, Service: o.Service, Replica: o.Replica, Text: text}, time.Now())
}
