package report

import "time"

// A level is a range of requests in flight. There is one for each number below exact; above, each is a quarter wider than
// the one before, for there the time is in proportion to the number.
const (
	exact  = 16
	levels = exact + len(floors)
)

// floors are the least numbers of the levels from exact on. The last one has no end.
var floors = [...]int{
	16, 20, 25, 31, 38, 47, 58, 72, 90, 112, 140, 175, 218, 272, 340, 425, 531, 663, 828, 1035, 1293, 1616, 2020, 2525, 3156, 3945,
}

func levelOf(rif int) int {
	if rif < exact {
		return max(rif, 0)
	}
	low, high := 0, len(floors) // floors[low] <= rif < floors[high]
	for high-low > 1 {
		if mid := (low + high) / 2; floors[mid] <= rif {
			low = mid
		} else {
			high = mid
		}
	}
	return exact + low
}

// median returns the median of what requests took that arrived at a level, or near it if these are too few; 0 if there
// was none lately.
func (e *Estimator) median(now time.Duration, level int) time.Duration {
	var near [2*reach + 1]*samples
	k, n := 0, 0
	for away := 0; away <= reach && n < enough; away++ {
		for _, l := range [2]int{level - away, level + away} {
			if l < 0 || l >= levels || e.samples[l] == nil || away == 0 && k > 0 {
				continue
			}
			if fresh := e.samples[l].expire(now); fresh > 0 {
				near[k] = e.samples[l]
				k++
				n += fresh
			}
		}
	}
	switch k {
	case 0:
		return 0
	case 1:
		return time.Duration(near[0].nth(n/2)) * time.Microsecond
	}
	return time.Duration(merged(near[:k], n/2)) * time.Microsecond
}

// merged returns the element with index i of all samples in their order.
func merged(of []*samples, i int) uint32 {
	var seen [2*reach + 1]int // of each
	for {
		least, from := uint32(0), -1
		for j, s := range of {
			if seen[j] == int(s.n) {
				continue
			}
			if v := s.nth(seen[j]); from < 0 || v < least {
				least, from = v, j
			}
		}
		if i == 0 || from < 0 {
			return least
		}
		i--
		seen[from]++
	}
}

// samples are the last few of a level, at most validity old. They are kept in order, so that their median is there when
// it is wanted, which is more often than they change.
type samples struct {
	last  time.Duration // when the newest came
	at    [kept]uint32  // when each came, in microseconds modulo 2^32: they are never more than kept validities apart
	took  [kept]uint32  // in microseconds, at least 1
	order [kept]uint8   // the quickest first
	next  uint8
	n     uint8
}

const kept = 16

func micros(d time.Duration) uint32 { return uint32(d / time.Microsecond) }

func (s *samples) add(now, took time.Duration) {
	if s.expire(now) == kept {
		s.dropOldest()
	}
	v := micros(min(max(took, time.Microsecond), time.Hour))
	s.at[s.next], s.took[s.next] = micros(now), v
	i := int(s.n)
	for ; i > 0 && s.took[s.order[i-1]] > v; i-- {
		s.order[i] = s.order[i-1]
	}
	s.order[i] = s.next
	s.next = (s.next + 1) % kept
	s.n++
	s.last = now
}

// expire forgets what is too old, and returns how many are left.
func (s *samples) expire(now time.Duration) int {
	if now-s.last > validity {
		s.n = 0
		return 0
	}
	for s.n > 0 && int32(micros(now)-s.at[s.oldest()]) > int32(validity/time.Microsecond) {
		s.dropOldest()
	}
	return int(s.n)
}

func (s *samples) oldest() uint8 { return (s.next - s.n) % kept }

func (s *samples) dropOldest() {
	old, i := s.oldest(), 0
	for s.order[i] != old {
		i++
	}
	s.n--
	copy(s.order[i:s.n], s.order[i+1:])
}

// nth returns what the sample took that has the index i in order.
func (s *samples) nth(i int) uint32 { return s.took[s.order[i]] }
