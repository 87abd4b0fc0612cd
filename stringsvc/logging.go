package stringsvc

import (
	"context"
	"log/slog"
	"time"
	"unicode/utf8"
)

// maxLogged is how many bytes of an input or output a line holds.
const maxLogged = 64

// Logging returns a Middleware that logs every call that returned, one record
// each, level INFO and no message:
//
//	method=uppercase input=hello output=HELLO err=null took=1.6164ms
//	method=count input=hello n=5 took=2.1µs
//
// Input and output are cut at 64 bytes, never inside a character. A call that
// panics is logged by whoever recovers it.
func Logging(logger *slog.Logger) Middleware {
	return func(next Service) Service {
		return &logging{handler: logger.Handler(), next: next}
	}
}

type logging struct {
	handler slog.Handler
	next    Service
}

func (l *logging) Uppercase(ctx context.Context, s string) (string, error) {
	begin := time.Now()
	v, err := l.next.Uppercase(ctx, s)
	took := time.Since(begin)
	if !l.handler.Enabled(ctx, slog.LevelInfo) {
		return v, err
	}
	// The record is built here and not by slog.Logger, which would look up its
	// caller's line for every call. Five attributes fit into it unallocated.
	r := slog.NewRecord(begin.Add(took), slog.LevelInfo, "", 0)
	r.AddAttrs(
		slog.String("method", "uppercase"),
		slog.String("input", cut(s)),
		slog.String("output", cut(v)),
		slog.Any("err", err),
		slog.Duration("took", took),
	)
	l.handle(ctx, r)
	return v, err
}

func (l *logging) Count(ctx context.Context, s string) int {
	begin := time.Now()
	n := l.next.Count(ctx, s)
	took := time.Since(begin)
	if !l.handler.Enabled(ctx, slog.LevelInfo) {
		return n
	}
	r := slog.NewRecord(begin.Add(took), slog.LevelInfo, "", 0)
	r.AddAttrs(
		slog.String("method", "count"),
		slog.String("input", cut(s)),
		slog.Int("n", n),
		slog.Duration("took", took),
	)
	l.handle(ctx, r)
	return n
}

func (l *logging) handle(ctx context.Context, r slog.Record) {
	// A log that cannot be written must not fail the call.
	_ = l.handler.Handle(ctx, r)
}

// cut returns at most maxLogged bytes of s, and does not split a character.
func cut(s string) string {
	if len(s) <= maxLogged {
		return s
	}
	for n := maxLogged; n > maxLogged-utf8.UTFMax; n-- {
		if utf8.RuneStart(s[n]) {
			return s[:n]
		}
	}
	return s[:maxLogged] // not UTF-8: there is no character to split
}
