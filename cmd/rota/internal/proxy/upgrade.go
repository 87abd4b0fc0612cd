package proxy

import (
	"context"
	"net/http"
	"net/http/httputil"
	"strings"

	"github.com/rota-go/rota/rotahttp"
)

// upgrades reports whether a request is for httputil.ReverseProxy: one that wants another protocol, and then a connection
// that both sides write to.
func upgrades(r *http.Request) bool {
	return r.Header["Upgrade"] != nil && hasToken(r.Header["Connection"], "upgrade")
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
func (rt *route) newUpgrades() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(pr *httputil.ProxyRequest) {
			x := exchangeOf(pr.In)
			upgrade := pr.Out.Header["Upgrade"]
			if x.prepare(pr.Out, pr.In) {
				pr.Out.Header["Te"] = teTrailers
			}
			if upgrade != nil {
				pr.Out.Header["Upgrade"], pr.Out.Header["Connection"] = upgrade, []string{"Upgrade"}
			}
		},
		Transport: rt.service.transport,
		ModifyResponse: func(resp *http.Response) error {
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

func (x *exchange) upgrade() {
	x.setOptions()
	ctx := rotahttp.With(context.WithValue(x.r.Context(), exchangeKey{}, x), &x.options)
	x.route.upgrades.ServeHTTP(x.w, x.r.WithContext(ctx))
}
