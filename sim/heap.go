package sim

// movable is something that can be in a heap, and knows where.
type movable[T any] interface {
	before(T) bool
	slot() *int // from 1; 0 = in none
}

// heap is what is to come first, in front: things in an order without equals, of which any can be taken out.
type heap[T movable[T]] []T

func (h *heap[T]) push(x T) {
	*h = append(*h, x)
	h.sift(len(*h) - 1)
}

// remove takes out x, which is in the heap.
func (h *heap[T]) remove(x T) {
	i, n := *x.slot()-1, len(*h)-1
	last := (*h)[n]
	var none T
	(*h)[n] = none
	*h = (*h)[:n]
	*x.slot() = 0
	if i < n {
		(*h)[i] = last
		h.sift(i)
	}
}

// moved follows a change of x, which is in the heap.
func (h *heap[T]) moved(x T) { h.sift(*x.slot() - 1) }

// sift moves what is at i to where it belongs.
func (h *heap[T]) sift(i int) {
	list := *h
	x := list[i]
	for i > 0 && x.before(list[(i-1)/4]) {
		i = list.put(list[(i-1)/4], i)
	}
	for {
		first := 4*i + 1
		if first >= len(list) {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, len(list)); c++ {
			if list[c].before(list[least]) {
				least = c
			}
		}
		if !list[least].before(x) {
			break
		}
		i = list.put(list[least], i)
	}
	list.put(x, i)
}

// put writes x at i, and returns where it was.
func (h heap[T]) put(x T, i int) (was int) {
	was = *x.slot() - 1
	h[i] = x
	*x.slot() = i + 1
	return was
}
