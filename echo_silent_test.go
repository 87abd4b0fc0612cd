package rota_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

// silentShares makes a call every 2.5 ms, one after the other, to three replicas that say nothing of their load, and returns
// which share of the calls each got in each quarter of a second. took is how long the n-th call of a replica takes.
func silentShares(seed uint64, span time.Duration, took func(r *rand.Rand, replica, n int) time.Duration) [][3]float64 {
	r := rand.New(rand.NewPCG(seed, 3))
	cl := rota.NewCluster(rota.ClusterParams{Balancer: rota.Echo(rota.EchoParams{}), Rand: rand.New(rand.NewPCG(seed, 4)).Uint64, Now: epoch})
	cl.Update(epoch, instances(3))
	place := map[string]int{}
	for i, in := range instances(3) {
		place[in.Addr] = i
	}
	const window, every = 250 * time.Millisecond, 2500 * time.Microsecond
	shares := make([][3]float64, span/window)
	var calls [3]int
	for at := time.Duration(0); at < span; at += every {
		now := epoch.Add(at)
		p := cl.Plan(now, time.Time{}, rota.Call{})
		s := p.Next(now)
		i := place[s.Attempt.Instance().Addr]
		shares[at/window][i] += float64(every) / float64(window)
		p.Ended(now.Add(took(r, i, calls[i])), s.Attempt, rota.Outcome{})
		p.Close()
		calls[i]++
	}
	return shares
}

// Equal replicas of which all that is known is what we measure ourselves share the calls, though the first answers of one
// were slow because it was cold, and a few of all are ten times as slow as the others.
func TestEchoSilentReplicasShareTheCalls(t *testing.T) {
	for seed := range uint64(max(50*seeds/1000, 5)) {
		shares := silentShares(seed, 10*time.Second, func(r *rand.Rand, replica, n int) time.Duration {
			d := 300*time.Microsecond + time.Duration(r.Int64N(int64(200*time.Microsecond)))
			switch {
			case replica == 0 && n < 3:
				return 10 * d
			case r.IntN(50) == 0:
				return 5 * d
			}
			return d
		})
		uneven := 0
		for _, s := range shares[8:] {
			if min(s[0], s[1], s[2]) < .1 || max(s[0], s[1], s[2]) > .6 {
				uneven++
			}
		}
		if uneven > 3 {
			t.Errorf("seed %d: after 2 s, %d of %d quarters of a second are uneven: %.2f", seed, uneven, len(shares)-8, shares)
		}
	}
}

// One that is slow is found out all the same, and is tried now and then.
func TestEchoSilentReplicaThatIsSlowIsAvoided(t *testing.T) {
	for seed := range uint64(max(50*seeds/1000, 5)) {
		shares := silentShares(seed, 20*time.Second, func(r *rand.Rand, replica, _ int) time.Duration {
			d := 300*time.Microsecond + time.Duration(r.Int64N(int64(200*time.Microsecond)))
			if replica == 0 {
				d *= 4
			}
			return d
		})
		got := 0.0
		for _, s := range shares[8:] {
			got += s[0] / float64(len(shares)-8)
		}
		if got == 0 || got > .05 {
			t.Errorf("seed %d: the slow one got %.4f of the calls, want a few", seed, got)
		}
	}
}
