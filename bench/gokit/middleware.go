package gokit

import (
	"fmt"
	"time"

	"github.com/go-kit/kit/metrics"
	"github.com/go-kit/log"
)

// Logging writes one line a call, whole input and output included, as the tutorial does. go-kit's logger writes each line
// with a system call of its own.
func Logging(logger log.Logger) Middleware {
	return func(next Service) Service { return logging{logger: logger, next: next} }
}

type logging struct {
	logger log.Logger
	next   Service
}

func (mw logging) Uppercase(s string) (output string, err error) {
	defer func(begin time.Time) {
		_ = mw.logger.Log("method", "uppercase", "input", s, "output", output, "err", err, "took", time.Since(begin))
	}(time.Now())
	return mw.next.Uppercase(s)
}

func (mw logging) Count(s string) (n int) {
	defer func(begin time.Time) {
		_ = mw.logger.Log("method", "count", "input", s, "n", n, "took", time.Since(begin))
	}(time.Now())
	return mw.next.Count(s)
}

// Meters are the tutorial's three metrics; Requests and Latency are labelled method, error.
type Meters struct {
	Requests metrics.Counter
	Latency  metrics.Histogram // named microseconds, fed seconds: the tutorial's defect
	Counted  metrics.Histogram
}

// Instrumenting counts and times every call.
func Instrumenting(m Meters) Middleware {
	return func(next Service) Service { return instrumenting{m: m, next: next} }
}

type instrumenting struct {
	m    Meters
	next Service
}

func (mw instrumenting) Uppercase(s string) (output string, err error) {
	defer func(begin time.Time) {
		labels := []string{"method", "uppercase", "error", fmt.Sprint(err != nil)}
		mw.m.Requests.With(labels...).Add(1)
		mw.m.Latency.With(labels...).Observe(time.Since(begin).Seconds())
	}(time.Now())
	return mw.next.Uppercase(s)
}

func (mw instrumenting) Count(s string) (n int) {
	defer func(begin time.Time) {
		labels := []string{"method", "count", "error", "false"}
		mw.m.Requests.With(labels...).Add(1)
		mw.m.Latency.With(labels...).Observe(time.Since(begin).Seconds())
		mw.m.Counted.Observe(float64(n))
	}(time.Now())
	return mw.next.Count(s)
}
