package sim

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// TestProcessorSharesLikeTheModel compares completions with those of a model that keeps what is left of every request.
func TestProcessorSharesLikeTheModel(t *testing.T) {
	for seed := range uint64(2 * worlds) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := &processor{cores: 1 + 3*r.Float64(), slow: 1}
		left := map[*request]float64{}
		var now time.Duration
		var id uint64
		for range 400 {
			next := now + time.Duration(r.Int64N(int64(2*time.Millisecond)))
			for {
				at, ok := p.due()
				first, in := soonest(left, p)
				rounding := 10 + 1.5/pace(left, p) // a nanosecond of work, and what rates lose, which are multiples of 2^-32
				if !ok || at > next {
					if first != nil && float64(now)+in < float64(next)-rounding {
						t.Fatalf("seed %d: at %v nothing is due before %v, the model ends one in %v", seed, now, next, time.Duration(in))
					}
					break
				}
				if d := float64(at-now) - in; math.Abs(d) > rounding {
					t.Fatalf("seed %d: at %v one is due in %v, the model says %v", seed, now, at-now, time.Duration(in))
				}
				pass(left, p, at-now)
				now = at
				p.advance(now)
				done := p.finish()
				if math.Abs(left[done]) > 2 {
					t.Fatalf("seed %d: one ends with %v ns to go in the model", seed, left[done])
				}
				delete(left, done)
				p.changed()
			}
			pass(left, p, next-now)
			now = next
			p.advance(now)
			switch r.IntN(6) {
			case 0:
				for x := range left {
					p.running.remove(x)
					delete(left, x)
					break
				}
			case 1:
				p.cores = 0.5 + 4*r.Float64()
			case 2:
				p.slow = []float64{1, 1, 7, 100, math.Inf(1)}[r.IntN(5)]
			default:
				id++
				x := &request{id: id}
				work := time.Duration(r.Int64N(int64(5 * time.Millisecond)))
				left[x] = float64(work)
				p.add(x, work)
			}
			p.changed()
		}
	}
}

// pace is how much of each request is done in a nanosecond.
func pace(left map[*request]float64, p *processor) float64 {
	return min(1, p.cores/float64(len(left))) / p.slow
}

func pass(left map[*request]float64, p *processor, d time.Duration) {
	done := pace(left, p) * float64(d)
	for x := range left {
		left[x] -= done
	}
}

// soonest is the request that the model ends first, and in how many nanoseconds.
func soonest(left map[*request]float64, p *processor) (*request, float64) {
	var first *request
	for x := range left {
		if first == nil || left[x] < left[first] {
			first = x
		}
	}
	if first == nil || math.IsInf(p.slow, 1) {
		return nil, 0
	}
	return first, left[first] / pace(left, p)
}

func TestProcessorIsNoSlowerForBeingLookedAt(t *testing.T) {
	ends := func(every time.Duration) time.Duration {
		p := &processor{cores: 1, slow: 1}
		for i := range 3 {
			p.add(&request{id: uint64(i)}, time.Millisecond)
		}
		p.changed()
		for now := every; ; now += every {
			at, _ := p.due()
			if at <= now {
				return at
			}
			p.advance(now)
		}
	}
	once, often := ends(time.Hour), ends(7*time.Nanosecond)
	if once != often || once < 3*time.Millisecond || once > 3*time.Millisecond+10 {
		t.Errorf("three requests of 1 ms end after %v, and after %v when looked at every 7 ns, want 3ms for both", once, often)
	}
}

func TestProcessorEndsEqualsInOrder(t *testing.T) {
	p := &processor{cores: 2, slow: 1}
	for i := range 50 {
		p.add(&request{id: uint64(50 - i)}, time.Millisecond)
	}
	p.changed()
	for i := range 50 {
		at, _ := p.due()
		p.advance(at)
		if r := p.finish(); r.id != uint64(i+1) {
			t.Fatalf("request %d ends as number %d", r.id, i+1)
		}
		p.changed()
	}
}
