package proxy_test

import (
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rota-go/rota/cmd/rota/internal/proxy"
	"github.com/rota-go/rota/cmd/rota/internal/sockets"
)

// Requests that a listener's limit turns down, or that no route fits, are answered, logged and counted as others are.
func TestWhatIsNotLetInIsTold(t *testing.T) {
	begun, answer := make(chan struct{}), make(chan struct{})
	w := start(t, 1, func(http.ResponseWriter, *http.Request) {
		begun <- struct{}{}
		<-answer
	}, "")
	s := w.parse(t, "listeners: [{listen: \"127.0.0.1:0\", limit: {max: 1, queue: -1}}]\naccess_log: {to: stdout}\nroutes: [{path: /a, service: users}]")
	registry := prometheus.NewRegistry()
	out := &logged{more: make(chan struct{}, 1)}
	p, err := proxy.New(s, proxy.Params{Log: slog.New(slog.DiscardHandler), Out: out, Err: io.Discard, Metrics: proxy.NewMetrics(registry)})
	if err != nil {
		t.Fatal(err)
	}
	set, err := sockets.Inherit()
	if err != nil {
		t.Fatal(err)
	}
	where := &where{Set: set}
	servers := proxy.NewServers(p, slog.New(slog.DiscardHandler), where)
	change, err := servers.Prepare(s)
	if err != nil {
		t.Fatal(err)
	}
	change.Commit()
	ended := make(chan struct{})
	go func() { // ends with the answer
		defer close(ended)
		if resp, err := http.Get(where.url + "/a"); err == nil {
			resp.Body.Close()
		}
	}()
	<-begun
	resp, err := http.Post(where.url+"/a", "application/grpc", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Grpc-Status") != "14" || resp.Header.Get("Retry-After") == "" {
		t.Errorf("above the limit: %d %v", resp.StatusCode, resp.Header)
	}
	close(answer)
	<-ended
	if resp, err = http.Get(where.url + "/b"); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	out.await(t, "method=POST host="+strings.TrimPrefix(where.url, "http://")+" path=/a status=503")
	out.await(t, "path=/b status=404")
	abort := make(chan struct{})
	close(abort)
	_ = servers.Leave(abort) // idle connections are cut off
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if l := m.GetLabel(); f.GetName() == "rota_proxy_requests_total" && m.GetCounter().GetValue() > 0 {
				got[l[1].GetValue()+" "+l[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	if want := map[string]float64{"- 4xx": 1, "- 5xx": 1, "/a 2xx": 1}; !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// where notes where a socket is.
type where struct {
	*sockets.Set
	url string
}

func (w *where) Listen(name, addr string) (l net.Listener, err error) {
	if l, err = w.Set.Listen(name, addr); err == nil {
		w.url = "http://" + l.Addr().String()
	}
	return l, err
}
