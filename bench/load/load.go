// Package load provides an open-loop load generator for the string service: calls leave at evenly spaced times, however long
// the ones before take, and each one's latency counts from when it was due. So a front that stalls is not asked less, and a
// caller's wait is not hidden (G. Tene's "coordinated omission").
package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A Result is what a call came to.
type Result uint8

// The results. Wrong is worse than Failed: the caller was told 200 and something that is not the answer.
const (
	Right Result = iota
	Failed
	Wrong
)

// A Sample is one call.
type Sample struct {
	Due    time.Duration // since the generator's start
	Late   time.Duration // how long after Due it was sent: the generator's own doing
	Took   time.Duration // from Due to the end of the answer
	Result Result
	Status int    // 0 = no answer
	Body   string // of a call that is not Right: what came, or why nothing did
}

// Params say what to send.
type Params struct {
	URL     string
	Rate    float64       // calls a second
	Timeout time.Duration // of a call; a front that needs longer has failed
	Limit   int           // calls under way at a time; those beyond are not sent
	Client  *http.Client  // nil = one that keeps a connection for each call under way
}

// A Run is what a generator did.
type Run struct {
	Start   time.Time
	Samples []Sample // in the order in which they were due
	Dropped int      // calls that were due and not sent, because Limit were under way
}

// Generate sends calls until ctx ends, and returns when the last one has come back.
func Generate(ctx context.Context, p Params) *Run {
	if p.Client == nil {
		t := &http.Transport{MaxIdleConnsPerHost: p.Limit, IdleConnTimeout: time.Minute}
		defer t.CloseIdleConnections()
		p.Client = &http.Client{Transport: t}
	}
	g := &generator{p: p, start: time.Now(), places: make(chan struct{}, p.Limit)}
	timer := time.NewTimer(0)
	defer timer.Stop()
	var sent []*Sample
	var calls sync.WaitGroup
	dropped := 0
	for i := 0; ; i++ {
		due := time.Duration(float64(i) / p.Rate * float64(time.Second))
		timer.Reset(time.Until(g.start.Add(due)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			calls.Wait()
			return &Run{Start: g.start, Samples: values(sent), Dropped: dropped}
		}
		select {
		case g.places <- struct{}{}:
			s := &Sample{Due: due}
			sent = append(sent, s)
			calls.Go(func() {
				g.call(s, fmt.Sprintf("call-%d", i))
				<-g.places
			})
		default:
			dropped++
		}
	}
}

func values(list []*Sample) []Sample {
	v := make([]Sample, len(list))
	for i, s := range list {
		v[i] = *s
	}
	return v
}

type generator struct {
	p      Params
	start  time.Time
	places chan struct{} // taken by the calls under way
}

// call makes one call. Each has a text of its own, so that an answer to another one is seen to be wrong.
func (g *generator) call(s *Sample, text string) {
	s.Late = time.Since(g.start) - s.Due
	status, body, err := g.send(text)
	s.Took, s.Status = time.Since(g.start)-s.Due, status
	switch {
	case err != nil:
		s.Result, s.Body = Failed, err.Error()
	default:
		if s.Result = Judge(status, body, text); s.Result != Right {
			s.Body = string(body)
		}
	}
}

func (g *generator) send(text string) (status int, body []byte, err error) {
	// Not the run's context: a call that was sent is waited for.
	ctx, cancel := context.WithTimeout(context.Background(), g.p.Timeout)
	defer cancel()
	in, _ := json.Marshal(map[string]string{"s": text})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.p.URL, bytes.NewReader(in))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := g.p.Client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// Judge says what an answer to a call with this text is worth. go-kit's front answers 200 to a call that failed, with the
// error in the body: that is a failure that was told. A 200 without one is right, or wrong.
func Judge(status int, body []byte, text string) Result {
	if status != http.StatusOK {
		return Failed
	}
	var out struct{ V, Err string }
	err := json.Unmarshal(body, &out)
	switch {
	case err == nil && out.Err != "":
		return Failed
	case err != nil || out.V != strings.ToUpper(text):
		return Wrong
	}
	return Right
}
