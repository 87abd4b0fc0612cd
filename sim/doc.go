// Package sim provides a deterministic simulator of fleets: callers and replicas in virtual time, with the shipped Cluster,
// Plan and balancers in every caller, so that what is simulated is what is shipped.
//
// An Experiment says what there is, which loads it is put under, which faults happen, and which policies are compared. Parse
// reads one from JSON; the rota command reads YAML too. Run runs it, and returns a Report whose JSON is the same, byte for
// byte, for the same experiment and seed.
//
// A run is one event heap and belongs to one goroutine (world). Servers share their cores among running requests
// (processor), queue, limit and report their load with the code of rotahttp's server half. Every actor has its own
// randomness, split from one seed by its name: all policies meet the same arrivals, the same work and the same machines.
package sim
