package rota_test

import "github.com/rota-go/rota"

// candidate is a balancer that every property is tried on.
type candidate struct {
	name string
	make func() rota.Balancer
}

// everyBalancer returns all of them. A new one is a line here.
func everyBalancer() []candidate {
	return []candidate{
		{"rr", rota.RoundRobin},
		{"p2c", func() rota.Balancer { return rota.PowerOfTwo(0) }},
		{"random", rota.Random},
		{"ll", rota.LeastLoaded},
		{"wrr", func() rota.Balancer { return rota.WeightedRoundRobin(rota.WeightedRoundRobinParams{Blackout: -1}) }},
		{"peak-ewma", func() rota.Balancer { return rota.PeakEWMA(rota.PeakEWMAParams{}) }},
	}
}
