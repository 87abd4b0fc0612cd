// Package rota calls replicated services. Asked for a service, it knows the replicas behind the name, picks the one to
// call, tries another when that is safe, stops before it makes an overload worse, and tells what it did and why.
//
// # The life of one call
//
// A Client is made once for each service it calls; a Resolver keeps its set of replicas up to date. Do makes a call:
//
//  1. It waits, under the caller's context, for the first set of instances; only ever the first call does.
//  2. Cluster.Plan begins a Plan, which makes all decisions of this call.
//  3. Plan.Next lets the Picker of the Balancer choose a Node. A node that rests at its own wish, whose Breaker is open
//     or whose Rate is used up, or that this call has tried, is skipped, and no attempt is lost by it.
//  4. The node counts the attempt in flight, and Op.Send makes it, on the caller's goroutine.
//  5. If a policy wants it, time passing is an event: after the Hedge's delay, or half of the remaining time, another
//     attempt is sent to another node while the first goes on. Whoever answers first wins; the others are cancelled.
//  6. Op.Classify says what came back: Success, Failure, Overload or Ignored, and whether it was sent at all.
//  7. Plan.Ended tells the node, and decides: done, or another attempt? That takes attempts left, a request that is
//     safe to repeat, a token of the Budget, and time.
//  8. The caller gets the winner's reply, or a *CallError that lists every attempt: where it went, how it ended, how
//     long it took.
//
// # Two halves
//
// What decides (Cluster, Node, Plan, the balancers) is pure: time, randomness and outcomes come in as arguments, and
// nothing in it waits. What acts (Do, Client) has the clock, the goroutines and the contexts. Package sim drives the
// same Plans with a clock of its own.
//
// # Safety
//
// Nothing is sent twice unless the Call says that it may be, or the attempt certainly never reached a replica. Retries
// and hedges share one Budget, a tenth of the calls by default, so that they cannot multiply an overload. A caller that
// leaves hurts no replica, and a deadline bounds every wait.
//
// Package rotahttp speaks HTTP with this, as a typed endpoint and as an http.RoundTripper.
package rota
