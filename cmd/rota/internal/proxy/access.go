package proxy

import (
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/rota-go/rota/cmd/rota/internal/setup"
)

// accessLog writes a line for each request, or for some. Methods may be called concurrently.
type accessLog struct {
	log    *slog.Logger
	sample float64
	file   *reopened // nil = a stream that is not ours
	uses   uses
}

// newAccessLog opens what spec names.
func newAccessLog(spec *setup.AccessLog, stdout, stderr io.Writer) (*accessLog, error) {
	a := &accessLog{sample: spec.Sample}
	var w io.Writer
	switch spec.To {
	case "stdout":
		w = stdout
	case "stderr":
		w = stderr
	default:
		a.file = &reopened{name: spec.To}
		if err := a.file.open(); err != nil {
			return nil, err
		}
		w = a.file
	}
	if spec.Format == "json" {
		a.log = slog.New(slog.NewJSONHandler(w, nil))
	} else {
		a.log = slog.New(slog.NewTextHandler(w, nil))
	}
	return a, nil
}

// reopen opens a file again, after it was moved away. a may be nil.
func (a *accessLog) reopen() error {
	if a == nil || a.file == nil {
		return nil
	}
	return a.file.open()
}

// close closes the file. a may be nil.
func (a *accessLog) close() {
	if a != nil && a.file != nil {
		a.file.close()
	}
}

// wants draws whether the line of a request will be written however it ends.
func (a *accessLog) wants() bool {
	return a.sample >= 1 || rand.Float64() < a.sample
}

// tell writes the line of a request, and counts it.
func (x *exchange) tell(a *accessLog) {
	took := time.Since(x.began)
	if x.route != nil && x.route.counts != nil {
		x.route.counts.add(x.status, took)
	} else if m := x.proxy.params.Metrics; m != nil {
		m.nowhere.add(x.status, took)
	}
	if a == nil || !x.logged && x.status < 500 {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", x.r.Method), slog.String("host", short(x.r.Host)), slog.String("path", short(x.r.URL.Path)),
		slog.Int("status", x.status), slog.Int64("bytes", x.sent), slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("client", short(x.client())),
	}
	if x.route != nil {
		attrs = append(attrs, slog.String("route", x.route.spec.Name), slog.String("service", x.route.service.name))
	}
	if d := x.decision; d != nil && len(d.Tries) > 0 {
		attrs = append(attrs, slog.Int("attempts", len(d.Tries)), slog.String("replica", d.Tries[len(d.Tries)-1].Instance.Addr))
		for _, t := range d.Tries {
			if t.Won {
				attrs[len(attrs)-1] = slog.String("replica", t.Instance.Addr)
			}
		}
	}
	if x.why != "" {
		attrs = append(attrs, slog.String("error", short(x.why)))
	}
	a.log.LogAttrs(x.r.Context(), slog.LevelInfo, "request", attrs...)
}

// short bounds what a client may write into a log.
func short(s string) string {
	const most = 512
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// reopened is a file that may be moved away under us.
type reopened struct {
	name string
	mu   sync.Mutex
	file *os.File
}

func (f *reopened) open() error {
	next, err := os.OpenFile(f.name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		_ = f.file.Close() // every line was written as it came
	}
	f.file = next
	return nil
}

func (f *reopened) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.file.Close() // every line was written as it came
}

func (f *reopened) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.file.Write(p)
}
