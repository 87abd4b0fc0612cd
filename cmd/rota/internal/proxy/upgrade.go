package proxy

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"strings"

	"github.com/rota-go/rota/rotahttp"
)

// switches reports whether a request is for httputil.ReverseProxy: one that wants another protocol, and then a connection
// that both sides write to. One that wants what cannot be had is answered as if it had not asked. So is one that wants h2c:
// behind a replica that agreed, a client would make requests that pass no route.
func (rt *route) switches(r *http.Request) bool {
	to := r.Header["Upgrade"]
	return to != nil && rt.service.switching != nil && hasToken(r.Header["Connection"], "upgrade") && !hasToken(to, "h2c")
}

func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for t := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}

type exchangeKey struct{}

func exchangeOf(r *http.Request) *exchange { return r.Context().Value(exchangeKey{}).(*exchange) }

// newUpgrades returns a ReverseProxy for requests whose context has an exchange.
func (rt *route) newUpgrades(log *slog.Logger) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(pr *httputil.ProxyRequest) {
			x := exchangeOf(pr.In)
			upgrade := pr.Out.Header["Upgrade"]
			for _, name := range forwardedNames { // which ReverseProxy removes, though we may trust who says so
				if v, ok := pr.In.Header[name]; ok && !hasToken(pr.In.Header["Connection"], name) {
					pr.Out.Header[name] = v
				}
			}
			if x.prepare(pr.Out, pr.In) {
				pr.Out.Header["Te"] = teTrailers
			}
			if upgrade != nil {
				pr.Out.Header["Upgrade"], pr.Out.Header["Connection"] = upgrade, []string{"Upgrade"}
			}
		},
		Transport: rt.service.switching,
		ErrorLog:  slog.NewLogLogger(log.Handler(), slog.LevelDebug), // any client can bring it about
		ModifyResponse: func(resp *http.Response) error {
			if err := rt.bound(resp); err != nil {
				return err
			}
			for k := range resp.Header {
				if strings.HasPrefix(k, "Rota-") {
					delete(resp.Header, k)
				}
			}
			rt.response.apply(resp.Header)
			exchangeOf(resp.Request).status = resp.StatusCode
			return nil
		},
		ErrorHandler: func(_ http.ResponseWriter, r *http.Request, err error) { exchangeOf(r).failed(err) },
	}
}

var forwardedNames = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"}

// bound keeps the response of a replica that switches to no other protocol below the route's limit.
func (rt *route) bound(resp *http.Response) error {
	limit := int64(rt.spec.MaxResponse)
	switch {
	case limit == 0 || resp.StatusCode == http.StatusSwitchingProtocols:
	case resp.ContentLength > limit:
		return errTooLong
	default:
		resp.Body = &bounded{resp.Body, limit}
	}
	return nil
}

// bounded is a body that breaks off when it is too long.
type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLong
	}
	return n, err
}

func (x *exchange) upgrade() {
	x.setOptions()
	ctx := rotahttp.With(context.WithValue(x.r.Context(), exchangeKey{}, x), &x.options)
	x.route.upgrades.ServeHTTP(x.w, x.r.WithContext(ctx))
}
