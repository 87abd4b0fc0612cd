package rota

// Key returns a hash of s for Call.Key: of a user, a session, a document. It is the same in every process, on every
// machine and in every version of rota, so that all callers send the same to the same replica: FNV-1a of 64 bits,
// followed by the finalizer of SplitMix64 (S. Vigna's constants), because the high bits of FNV-1a alone are poor for
// short strings. It is never 0. Whoever chooses s can make keys collide; Bound is what then protects a replica.
func Key(s string) uint64 {
	h := uint64(fnvOffset)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	if h = mix(h); h == 0 {
		return golden
	}
	return h
}

const (
	fnvOffset = 0xcbf29ce484222325
	fnvPrime  = 0x100000001b3
	golden    = 0x9e3779b97f4a7c15 // 2^64 over the golden ratio
)

// mix is a permutation of the 64-bit numbers in which every bit of x moves about half of the result's bits.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// stream returns the j-th of the numbers that belong to h, as SplitMix64 started from h would.
func stream(h uint64, j int) uint64 { return mix(h + uint64(j+1)*golden) }

// keyOf returns the call's key, mixed: a caller may give numbers that count up. A call without a key has a random one,
// so it goes to a random node, in proportion to the weights.
func keyOf(p *Pick) uint64 {
	if k := p.Key(); k != 0 {
		return mix(k)
	}
	return p.Rand()
}
