package sim

import (
	"math"
	"reflect"
	"slices"
	"time"
)

// result is what a step comes to.
func (w *world) result(i int, t *tally, plots bool) Row {
	span := (t.to - t.from).Seconds()
	calls := max(float64(t.calls), 1)
	made := max(float64(t.made), 1)
	r := Row{
		Policy: w.v.Name, Load: t.step.Load, Step: t.step.Name,
		Latency: t.latency.latency(), Answered: t.took.latency(),
		Calls: float64(t.calls), Errors: float64(t.errors), ErrorsBy: map[string]float64{},
		AttemptsPerCall: float64(t.sends) / made, Retries: float64(t.retries), Hedges: float64(t.hedges),
		ProbesPerCall: float64(t.probes) / made,
		Offered:       float64(t.calls) / span, Goodput: float64(t.good) / span,
		Ejections: float64(t.ejected), FalseEjections: float64(t.falsely),
	}
	for name, n := range t.reasons {
		r.ErrorsBy[name] = float64(n)
	}
	for k, s := range w.services {
		r.Services = append(r.Services, s.result(&t.services[k], calls, t.to-t.from))
	}
	main := &t.services[w.sources[0].group.to.id]
	r.RIF = main.rif.rif()
	r.Imbalance = imbalance(main.attempts)
	w.faultResults(&r, t, i == len(w.tallies)-1)
	if plots {
		r.Histogram, r.RIFShares = t.latency.bins(), main.rif.shares()
		if i == len(w.tallies)-1 {
			r.Series = w.timeline.series()
		}
	}
	return r
}

func (s *service) result(t *serviceTally, calls float64, span time.Duration) ServiceRun {
	r := ServiceRun{Name: s.Name, UtilizationLow: math.Inf(1)}
	for k, x := range s.servers {
		u := t.used[k] / x.promised / float64(span)
		r.Utilization += u / float64(len(s.servers))
		r.UtilizationLow, r.UtilizationHigh = min(r.UtilizationLow, u), max(r.UtilizationHigh, u)
		r.Attempts += float64(t.attempts[k])
	}
	r.AttemptsPerCall = r.Attempts / calls
	r.Refused, r.Dropped, r.Wasted = float64(t.refused), float64(t.dropped), float64(t.wasted)
	return r
}

func imbalance(attempts []int64) float64 {
	var sum, most int64
	for _, n := range attempts {
		sum, most = sum+n, max(most, n)
	}
	if sum == 0 {
		return 1
	}
	return float64(most) * float64(len(attempts)) / float64(sum)
}

// faultResults tells how the run came over its faults.
func (w *world) faultResults(r *Row, t *tally, last bool) {
	if len(w.e.Faults) == 0 || !last {
		return
	}
	until := t.to - w.from
	if end, ok := w.lastEnd(); ok && end < until {
		v := w.timeline.recovery(end, until)
		r.Recovery = &v
	}
	f := &w.e.Faults[0]
	lots := w.victims(f, w.stream("fault", 0))
	service := w.service(f.Service)
	if len(lots) == 1 && service == w.sources[0].group.to && len(lots[0]) < len(service.servers) {
		over := until
		if f.For > 0 {
			over = min(f.At+f.For, until)
		}
		v := w.timeline.shed(f.At, over, float64(len(lots[0]))/float64(len(service.servers)))
		r.Shed = &v
	}
}

// lastEnd is when the last fault ends, after the warm-up; false if one does not.
func (w *world) lastEnd() (end time.Duration, ok bool) {
	for i := range w.e.Faults {
		f := &w.e.Faults[i]
		if f.For == 0 {
			return 0, false
		}
		lots := w.victims(f, w.stream("fault", i))
		end = max(end, f.At+f.For+time.Duration(len(lots)-1)*f.Every)
	}
	return end, true
}

// merge makes one Row of those with different seeds: medians, and the plots of the first.
func merge(runs []*Row) Row {
	r := *runs[0]
	p99 := make([]float64, len(runs))
	for i, one := range runs {
		p99[i] = one.Latency.P99
	}
	r.ErrorsBy = map[string]float64{}
	for _, one := range runs {
		for name := range one.ErrorsBy {
			r.ErrorsBy[name] = 0
		}
	}
	r.Services = slices.Clone(r.Services)
	median(reflect.ValueOf(&r).Elem(), values(runs))
	if len(runs) > 1 {
		slices.Sort(p99)
		cut := intervalCut(len(p99))
		r.Spread = &[2]float64{round(p99[cut]), round(p99[len(p99)-1-cut])}
	}
	return r
}

func values(runs []*Row) []reflect.Value {
	list := make([]reflect.Value, len(runs))
	for i, r := range runs {
		list[i] = reflect.ValueOf(r).Elem()
	}
	return list
}

// median sets every number in v to the median of those at the same place. Plots stay as they are.
func median(v reflect.Value, all []reflect.Value) {
	switch v.Kind() {
	case reflect.Float64:
		numbers := make([]float64, len(all))
		for i, one := range all {
			numbers[i] = one.Float()
		}
		v.SetFloat(round(middleOf(numbers)))
	case reflect.Struct:
		for f := range v.NumField() {
			of := pick(all, func(o reflect.Value) reflect.Value { return o.Field(f) })
			switch v.Type().Field(f).Name {
			case "Load", "Histogram", "RIFShares", "Series", "Paper", "Spread":
			case "Recovery", "Shed":
				medianTime(v.Field(f), of)
			default:
				median(v.Field(f), of)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			median(v.Index(i), pick(all, func(o reflect.Value) reflect.Value { return o.Index(i) }))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			x := reflect.New(v.Type().Elem()).Elem()
			median(x, pick(all, func(o reflect.Value) reflect.Value {
				if n := o.MapIndex(key); n.IsValid() {
					return n
				}
				return reflect.Zero(v.Type().Elem())
			}))
			v.SetMapIndex(key, x)
		}
	}
}

// medianTime is median for a *float64 where -1 means never, which is later than any time.
func medianTime(v reflect.Value, all []reflect.Value) {
	if v.IsNil() {
		return
	}
	times := make([]float64, len(all))
	for i, one := range all {
		if times[i] = one.Elem().Float(); times[i] < 0 {
			times[i] = math.Inf(1)
		}
	}
	m := round(middleOf(times))
	if math.IsInf(m, 1) {
		m = -1
	}
	v.Set(reflect.ValueOf(&m))
}

func pick(all []reflect.Value, of func(reflect.Value) reflect.Value) []reflect.Value {
	list := make([]reflect.Value, len(all))
	for i, v := range all {
		list[i] = of(v)
	}
	return list
}

func middleOf(list []float64) float64 {
	slices.Sort(list)
	n := len(list)
	return (list[(n-1)/2] + list[n/2]) / 2
}

// intervalCut is how many of n sorted values to leave out at each end, so that between the others lies the median of what
// they were drawn from with a probability of 95 %, or as near as n allows: the count below it is binomial.
func intervalCut(n int) int {
	p := math.Pow(0.5, float64(n)) // that none is below
	sum, cut := p, 0
	for k := 1; k < n/2; k++ {
		p *= float64(n-k+1) / float64(k)
		if sum+p > 0.025 {
			break
		}
		sum += p
		cut = k
	}
	if sum > 0.025 {
		return 0
	}
	return cut
}

// round keeps six digits: more would be noise, and differ between machines of another kind.
func round(v float64) float64 {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return v
	}
	scale := math.Pow(10, 5-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

// compare sets what was published beside what came out.
func (e *Experiment) compare(r *Report) {
	for i := range r.Runs {
		run := &r.Runs[i]
		for _, p := range e.Published {
			if p.Policy != run.Policy || p.Load != run.Load || p.Step != run.Step {
				continue
			}
			ours, ok := run.Metric(p.Metric)
			if !ok {
				continue
			}
			paper := p.Value
			if paper < 0 {
				paper = e.Clients[0].Timeout.Seconds() * 1000
			}
			c := Comparison{Metric: p.Metric, Paper: paper, Ours: ours, Ratio: round(ours / paper), Fitted: p.Fitted, Within: p.Within}
			c.Missed = p.Within > 0 && math.Abs(c.Ratio-1) > p.Within
			run.Paper = append(run.Paper, c)
		}
	}
}
