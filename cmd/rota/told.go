package main

import (
	"log/slog"

	"github.com/rota-go/rota"
)

// decisionsLogged is how many decisions a second a log for debugging has.
const decisionsLogged = 20

// told returns an Observer that logs what becomes of replicas, which the page shows as events, for who has the log alone; at debug
// level also why calls went where they did, sampled. Of discovery the proxy tells itself.
func told(log *slog.Logger, level slog.Level) rota.Observer {
	o := rota.Observer{
		BreakerChanged: func(e rota.BreakerEvent) {
			if e.Open {
				log.Warn("replica ejected", "service", e.Service, "replica", e.Instance.Addr, "why", e.Why)
				return
			}
			log.Info("replica returned", "service", e.Service, "replica", e.Instance.Addr)
		},
		PanicChanged: func(e rota.PanicEvent) {
			if e.On {
				log.Warn("too few replicas are fit: all are used", "service", e.Service)
				return
			}
			log.Info("enough replicas are fit again", "service", e.Service)
		},
	}
	if level <= slog.LevelDebug {
		o = rota.Observers(o, rota.LogDecisions(log, decisionsLogged))
	}
	return o
}
