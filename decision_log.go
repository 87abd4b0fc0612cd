package rota

import (
	"context"
	"log/slog"
	"time"
)

// LogDecisions returns an Observer that writes decisions to log, a record each, on the goroutine of their calls: perSecond of all
// calls, evenly over time, and as many of the others that failed or were repeated; 0 = 20. A call that failed is a warning, any
// other is for information, and what log would drop nobody pays for.
func LogDecisions(log *slog.Logger, perSecond float64) Observer {
	s := newSampler(perSecond)
	ctx := context.Background()
	return Observer{
		Traced: func(now time.Time) bool { return log.Enabled(ctx, slog.LevelInfo) && s.traced(now) },
		Decided: func(d *Decision) {
			level := slog.LevelInfo
			if d.Err != nil {
				level = slog.LevelWarn
			}
			if log.Enabled(ctx, level) && s.takes(d) {
				log.LogAttrs(ctx, level, "decision", slog.Any("call", d))
			}
		},
	}
}
