package main

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
	"github.com/rota-go/rota/rotaprom"
	"github.com/rota-go/rota/stringsvc"
)

// app is one process, wired.
type app struct {
	handler http.Handler
	front   *stringsvc.Front // nil when there is nothing to proxy to
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
		if a.front, err = newFront(cfg, logger); err != nil {
			return nil, err
		}
		reg.MustRegister(rotaprom.NewCollector(a.front))
		service = a.front.Proxying(service)
	}
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
	return a, nil
}

// newFront returns what sends Uppercase to cfg.proxy.
func newFront(cfg config, logger *slog.Logger) (*stringsvc.Front, error) {
	// From the first replica on, as in the tutorial: 11 calls are 4, 4 and 3.
	balancer := rota.RoundRobinFrom(0)
	if cfg.balancer == "p2c" {
		balancer = rota.PowerOfTwo(0)
	}
	return stringsvc.NewFront(stringsvc.FrontParams{
		Replicas: cfg.proxy,
		Policy:   policy(cfg),
		Balancer: balancer,
		MaxBody:  cfg.maxBody,
		Observer: rota.Observer{BreakerChanged: func(e rota.BreakerEvent) {
			if e.Open {
				logger.Warn("replica out of use", "replica", e.Instance.Addr)
			} else {
				logger.Info("replica in use again", "replica", e.Instance.Addr)
			}
		}},
	})
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
