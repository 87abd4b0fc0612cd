package doctor

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

func budgetNeverPays(v view) (found, bool) {
	floor := v.floor * span.Seconds()
	tokens := floor + v.ratio*v.CallsPerSecond*span.Seconds()
	unknown := v.CallsPerSecond == 0 && v.ratio > 0
	if v.attempts == 1 || tokens >= 1 || unknown {
		return found{}, false
	}
	return found{
		"policy.budget",
		"A negative number takes that part of the budget away, it does not take the bound away. A retry or hedge costs a whole token of the last 10 s.",
		fmt.Sprintf("%s tokens in 10 s: 0 retries, 0 hedges", decimal(tokens)),
		"leave budget out (a tenth of the calls, and 1 a second), or retry: off and hedge: off",
	}, true
}

func budgetWide(v view) (found, bool) {
	if v.ratio <= 0.25 || v.attempts == 1 {
		return found{}, false
	}
	return found{
		"policy.budget.ratio",
		"A service with too much to do gets that much more to do, which keeps it so.",
		fmt.Sprintf("up to %s attempts a call", decimal(min(1+v.ratio, float64(v.attempts)))), "ratio: 0.1",
	}, true
}

func budgetFloor(v view) (found, bool) {
	if !v.generous() || v.attempts == 1 || v.CallsPerSecond > 0 && v.floor/v.CallsPerSecond <= 0.25 {
		return found{}, false
	}
	number := fmt.Sprintf("%s retries a second by each client, up to %d attempts a call", decimal(v.floor), v.attempts)
	if v.CallsPerSecond > 0 {
		number = fmt.Sprintf("up to %s attempts a call", decimal(v.amplification()))
	}
	return found{
		"policy.budget.min_per_second",
		"Each client has these beside its share of the calls, so that with many clients a service that fails is called several times as often.",
		number, "min_per_second: 1",
	}, true
}

// hop is a service in a chain of calls.
type hop struct {
	view
	above *hop // whose calls are multiplied most; nil = nobody's
}

// worst is how many attempts there may be for one call at the top: with the budgets, and without.
func (h *hop) worst() (bounded, free float64) {
	bounded, free = 1, 1
	for ; h != nil; h = h.above {
		bounded *= h.amplification()
		free *= float64(h.attempts)
	}
	return bounded, free
}

// chain is the services that repeat, the top first.
func (h *hop) chain() (names []string) {
	for ; h != nil; h = h.above {
		if h.attempts > 1 {
			names = append(names, h.Name)
		}
	}
	slices.Reverse(names)
	return names
}

// chains returns for each service how its calls are multiplied at worst. A call that leads back to a service that is in the
// chain already is left out: there is no end to those.
func (s *System) chains() []*hop {
	hops, busy := make([]*hop, len(s.Services)), make([]bool, len(s.Services))
	var visit func(i int) *hop
	visit = func(i int) *hop {
		if hops[i] != nil || busy[i] {
			return hops[i]
		}
		busy[i] = true
		h, most := &hop{view: newView(&s.Services[i], nil)}, 1.0
		for j := range s.Services {
			if !slices.Contains(s.Services[j].Calls, h.Name) {
				continue
			}
			if above := visit(j); above != nil {
				if m, _ := above.worst(); m > most {
					h.above, most = above, m
				}
			}
		}
		busy[i], hops[i] = false, h
		return h
	}
	for i := range s.Services {
		visit(i)
	}
	return hops
}

// ends returns the lowest services of all chains in which two and more repeat.
func (s *System) ends() (ends []*hop) {
	for _, h := range s.chains() {
		lower := slices.ContainsFunc(s.Services, func(t Service) bool {
			return slices.Contains(h.Calls, t.Name) && newView(&t, nil).attempts > 1
		})
		if h.attempts > 1 && !lower && len(h.chain()) > 1 {
			ends = append(ends, h)
		}
	}
	return ends
}

// amplified is how many attempts a call are many.
const amplified = 1.5

func nestedAmplification(s *System) (all []foundAt) {
	for _, h := range s.ends() {
		bounded, free := h.worst()
		if bounded < amplified {
			continue
		}
		all = append(all, foundAt{found{
			"policy.retry",
			"While " + h.Name + " fails, each of " + strings.Join(h.chain(), ", ") + " repeats what the one above it repeats already. Only services that pass Rota-Attempt on stop that.",
			fmt.Sprintf("%s attempts at %s for a call at %s; %s without the budgets", decimal(bounded), h.Name, h.chain()[0], decimal(free)),
			"retry: off for all but " + h.Name + ", or budget: {ratio: 0.1} in each",
		}, h.Service})
	}
	return all
}

func retriesAtEveryHop(s *System) (all []foundAt) {
	for _, h := range s.ends() {
		names := h.chain()
		bounded, free := h.worst()
		if len(names) < 3 || bounded >= amplified {
			continue
		}
		all = append(all, foundAt{found{
			"policy.retry",
			"One layer that repeats is enough: the lowest, where it costs least. The budgets keep what the others add small.",
			fmt.Sprintf("%s attempts at %s for a call at %s; %s without the budgets", decimal(bounded), h.Name, names[0], decimal(free)),
			"retry: off for " + strings.Join(names[:len(names)-1], " and "),
		}, h.Service})
	}
	return all
}

func deadlineGrows(s *System) (all []foundAt) {
	for i := range s.Services {
		above := newView(&s.Services[i], nil)
		for j := range s.Services {
			v := newView(&s.Services[j], nil)
			if i == j || !slices.Contains(above.Calls, v.Name) || above.limit == 0 || v.limit <= above.limit {
				continue
			}
			all = append(all, foundAt{found{
				v.limitField,
				fmt.Sprintf("%s calls %s while its own caller waits. What comes later is work for nobody, unless %s is told its deadline and keeps to it.", above.Name, v.Name, above.Name),
				fmt.Sprintf("%v at %s, %v at %s: %v for nobody", v.limit, v.Name, above.limit, above.Name, v.limit-above.limit),
				fmt.Sprintf("%s: less than %v", lastKey(v.limitField), above.limit),
			}, v.Service})
		}
	}
	return all
}

func callCycle(s *System) (all []foundAt) {
	for i := range s.Services {
		names := s.circle(i)
		if names == nil {
			continue
		}
		factor := 1.0
		for j := range s.Services {
			if slices.Contains(names, s.Services[j].Name) {
				factor *= newView(&s.Services[j], nil).amplification()
			}
		}
		number := many(len(names), "service") + " in the circle"
		if factor > 1 && !math.IsInf(factor, 0) {
			number += fmt.Sprintf(", x%s attempts a turn", decimal(factor))
		}
		all = append(all, foundAt{found{
			"calls",
			"A call can come back to where it began: " + strings.Join(append(names, names[0]), " -> ") + ". Then a failure anywhere is repeated everywhere, and each waits for itself.",
			number, "break the circle, or see to it that the call that comes back is another one and has a deadline",
		}, &s.Services[i]})
	}
	return all
}

// circle returns the shortest way from the i-th service back to it over later ones, so that each circle is found once; nil =
// there is none.
func (s *System) circle(i int) []string {
	paths := [][]int{{i}}
	seen := make([]bool, len(s.Services))
	for len(paths) > 0 {
		path := paths[0]
		paths = paths[1:]
		last := &s.Services[path[len(path)-1]]
		if slices.Contains(last.Calls, s.Services[i].Name) {
			var names []string
			for _, k := range path {
				names = append(names, s.Services[k].Name)
			}
			return names
		}
		for j := i + 1; j < len(s.Services); j++ {
			if !seen[j] && slices.Contains(last.Calls, s.Services[j].Name) {
				seen[j] = true
				paths = append(paths, append(slices.Clone(path), j))
			}
		}
	}
	return nil
}

func unknownHop(s *System) (all []foundAt) {
	var known []string
	for i := range s.Services {
		known = append(known, s.Services[i].Name)
	}
	for i := range s.Services {
		for j, name := range s.Services[i].Calls {
			if !slices.Contains(known, name) {
				all = append(all, foundAt{found{
					fmt.Sprintf("calls[%d]", j), fmt.Sprintf("There is no service %q, so nothing is known of what calling it leads to.", name),
					many(len(known), "service") + ": " + strings.Join(known, ", "), "one of these, or a service of that name",
				}, &s.Services[i]})
			}
		}
	}
	return all
}
