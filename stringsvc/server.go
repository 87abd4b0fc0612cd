package stringsvc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rota-go/rota/rotahttp"
)

// The times one connection may take. A body that never ends is given up before
// a shutdown is, so that it cannot turn a clean exit into a failed one.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 8 * time.Second
	writeMargin       = 10 * time.Second
	shutdownTimeout   = 10 * time.Second
)

// Server listens, serves, and leaves without its callers noticing. The zero
// Server is ready to Run, once.
type Server struct {
	draining atomic.Bool
}

// RunParams says what to serve, and where. Only Handler and Logger are needed.
type RunParams struct {
	// Addr is listened on, and logged as it is, such as ":8080". Port 0 takes
	// a free one, and that is logged.
	Addr string

	// Listener is served instead of a new one on Addr. Run closes it. With no
	// Addr to log, its own is.
	Listener net.Listener

	// Handler answers every request. While Ready is false, its replies should
	// close their connections, as those of NewHandler do.
	Handler http.Handler

	// Probes answer their paths in Handler's place: what is asked for by others than callers, such as metrics, and says nothing
	// of how long calls take. May be nil.
	Probes map[string]http.Handler

	// Logger is told where the server listens, and of every reply that failed.
	Logger *slog.Logger

	// ProxyTo is logged before the address, unless it is empty.
	ProxyTo []string

	// CallTime is the longest a call may take: replies may take this and 10
	// seconds. 0 = calls take no time.
	CallTime time.Duration

	// Drain is how long the server keeps serving once it is not ready, so that
	// those who watch /readyz stop calling before the socket closes.
	Drain time.Duration

	// Abort, when closed, ends Run at once, requests in flight included. nil =
	// never.
	Abort <-chan struct{}
}

// Ready reports whether the server takes new callers: true until Run's ctx ends.
func (s *Server) Ready() bool { return !s.draining.Load() }

// Run serves until ctx ends. Then it is not ready, keeps serving for p.Drain,
// accepts no more connections, and returns nil when the requests in flight are
// answered. It gives them 10 seconds, cuts them off, and says so in its error;
// so it does when aborted. If it cannot listen, the error names the address,
// and nothing was logged.
func (s *Server) Run(ctx context.Context, p RunParams) error {
	l, addr := p.Listener, p.Addr
	if l == nil {
		var err error
		if l, err = net.Listen("tcp", p.Addr); err != nil {
			return err
		}
	}
	if _, port, err := net.SplitHostPort(addr); err != nil || port == "0" {
		addr = l.Addr().String()
	}
	if len(p.ProxyTo) > 0 {
		p.Logger.Info("", "proxy_to", "["+strings.Join(p.ProxyTo, ",")+"]")
	}
	p.Logger.Info("HTTP", "addr", addr)
	runner := rotahttp.Runner{
		Listener: l,
		Wait:     p.Drain,
		WaitOut:  true,
		Shutdown: shutdownTimeout,
		Signals:  []os.Signal{}, // ctx and Abort say it all
		Abort:    p.Abort,
		Probes:   p.Probes,
		Draining: func() { s.draining.Store(true) },
	}
	if p.Drain == 0 {
		runner.Wait = -1
	}
	err := runner.Run(ctx, &http.Server{
		Handler:           p.Handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      readTimeout + p.CallTime + writeMargin,
		ErrorLog:          slog.NewLogLogger(p.Logger.Handler(), slog.LevelWarn),

		DisableGeneralOptionsHandler: true, // "OPTIONS *" is a request like others
	})
	select {
	case <-p.Abort:
		return errAborted
	default:
	}
	if errors.Is(err, rotahttp.ErrCutOff) {
		return fmt.Errorf("requests in flight were cut off after %s", shutdownTimeout)
	}
	return err
}

// errAborted is what Run returns for RunParams.Abort.
var errAborted = errors.New("aborted, requests in flight were cut off")
