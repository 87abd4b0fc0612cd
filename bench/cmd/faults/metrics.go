package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// page is what a process exports to Prometheus.
type page string

func scrape(ctx context.Context, client *http.Client, addr string) (page, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s/metrics: %s", addr, resp.Status)
	}
	return page(b), err
}

// sum adds up the values of a metric, whatever their labels.
func (p page) sum(name string) float64 {
	sum := 0.0
	for line := range strings.Lines(string(p)) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' ')+1:]), 64)
		if err == nil {
			sum += v
		}
	}
	return sum
}

// tally is what our front has counted since it started.
type tally struct {
	Calls float64 `json:"calls"`
	Extra float64 `json:"extra"` // attempts beyond the first of each call
}

func (t tally) minus(o tally) tally { return tally{t.Calls - o.Calls, t.Extra - o.Extra} }

func (t tally) perCall() float64 { return (t.Calls + t.Extra) / max(t.Calls, 1) }

// tally reads our front's counters: retries and hedges are told apart there, and both cost budget.
func (w *world) tally(ctx context.Context) (tally, error) {
	addr := w.front.Addr
	if w.metrics != "" {
		addr = w.metrics
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	p, err := scrape(ctx, client, addr)
	return tally{
		Calls: p.sum("rota_client_calls_total"),
		Extra: p.sum("rota_client_retries_total") + p.sum("rota_client_hedges_total"),
	}, err
}
