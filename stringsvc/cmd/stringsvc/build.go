package main

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/resolve/dns"
	"github.com/rota-go/rota/resolve/file"
	"github.com/rota-go/rota/rotadash"
	"github.com/rota-go/rota/rotahttp"
	"github.com/rota-go/rota/rotaprom"
	"github.com/rota-go/rota/stringsvc"
)

// app is one process, wired.
type app struct {
	handler http.Handler
	probes  map[string]http.Handler // what is no call
	front   *stringsvc.Front        // nil when there is nothing to proxy to
	service stringsvc.Service       // what answers calls, without logging and metrics
	page    *rotadash.Dash          // nil when nobody asked for it
}

// close ends what build started. It comes after the last request.
func (a *app) close() {
	if a.front != nil {
		_ = a.front.Close()
	}
}

// build wires one process: the local service, around it proxying if there are
// replicas, logging, and instrumenting outermost.
func build(cfg config, ready func() bool, logger *slog.Logger) (*app, error) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	instrumenting, err := stringsvc.Instrumenting(reg)
	if err != nil {
		return nil, err
	}
	refuse, err := stringsvc.Refusing(reg)
	if err != nil {
		return nil, err
	}
	var service stringsvc.Service = stringsvc.NewLocal()
	a := &app{}
	if len(cfg.proxy) > 0 {
		if cfg.admin != "" {
			if a.page, err = newPage(cfg, logger); err != nil {
				return nil, err
			}
		}
		if a.front, err = newFront(cfg, a.page, logger); err != nil {
			return nil, err
		}
		if err := a.show(); err != nil {
			a.close()
			return nil, err
		}
		reg.MustRegister(rotaprom.NewCollector(a.front))
		service = a.front.Proxying(service)
	}
	a.service = service
	service = stringsvc.Logging(logger)(service)
	service = instrumenting(service)
	handler := stringsvc.NewHandler(stringsvc.HandlerParams{
		Service: service,
		Metrics: promhttp.HandlerFor(reg, promhttp.HandlerOpts{}),
		MaxBody: cfg.maxBody,
		Ready:   ready,
		Failure: stringsvc.Failure,
		Logger:  logger,
	})
	a.handler = rotahttp.Handler(handler, rotahttp.ServerPolicy{Refuse: refuse})
	a.probes = map[string]http.Handler{"/metrics": handler, "/healthz": handler, "/readyz": handler}
	return a, nil
}

// newFront returns what sends Uppercase to cfg.proxy, and tells the page, if
// there is one, of it.
func newFront(cfg config, page *rotadash.Dash, logger *slog.Logger) (*stringsvc.Front, error) {
	// From the first replica on, as in the tutorial: 11 calls are 4, 4 and 3.
	balancer := rota.RoundRobinFrom(0)
	if cfg.balancer == "p2c" {
		balancer = rota.PowerOfTwo(0)
	}
	stale := func(err error) { logger.Warn("replicas unknown, the last known are used", "err", err) }
	switch r := cfg.resolver.(type) {
	case *dns.Resolver:
		r.OnError = stale
	case *file.Resolver:
		r.OnError = stale
	}
	observers := observer(logger, cfg.resolver != nil)
	if page != nil {
		observers = rota.Observers(observers, page.Observer())
	}
	return stringsvc.NewFront(stringsvc.FrontParams{
		Replicas: cfg.proxy,
		Resolver: cfg.resolver,
		Policy:   policy(cfg),
		Balancer: balancer,
		MaxBody:  cfg.maxBody,
		Observer: observers,
		ByHand:   page != nil,
	})
}

// observer logs what becomes of the replicas, and of the search for them if
// there is one.
func observer(logger *slog.Logger, resolves bool) rota.Observer {
	o := rota.Observer{
		BreakerChanged: func(e rota.BreakerEvent) {
			if e.Open {
				logger.Warn("replica out of use", "replica", e.Instance.Addr, "why", e.Why)
			} else {
				logger.Info("replica in use again", "replica", e.Instance.Addr)
			}
		},
		PanicChanged: func(e rota.PanicEvent) {
			if e.On {
				logger.Warn("too few replicas are fit, all are used")
			} else {
				logger.Info("enough replicas are fit again")
			}
		},
	}
	if resolves {
		o.ResolveFailed = func(e rota.ResolveEvent) {
			logger.Warn("replicas unknown", "err", e.Err, "retry", e.Retry)
		}
		o.SetChanged = func(e rota.SetEvent) {
			if len(e.Added) == e.Size {
				return // the first
			}
			logger.Info("replicas changed", "size", e.Size, "added", len(e.Added), "removed", len(e.Removed), "kept", e.Kept)
		}
	}
	return o
}

// policy is what the flags say about calls to the replicas.
func policy(cfg config) rota.Policy {
	p := rota.DefaultPolicy()
	p.Timeout = cfg.maxTime
	p.Retry.Attempts, p.Retry.TryTimeout = cfg.maxAttempts, cfg.tryTime
	if cfg.hedge {
		p.Hedge = &rota.Hedge{}
	}
	if cfg.qps > 0 {
		p.Rate = &rota.Rate{PerSecond: cfg.qps, Burst: cfg.burst}
	}
	return p
}
