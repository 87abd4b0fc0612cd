package dns

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rota-go/rota"
)

func TestInstances(t *testing.T) {
	type set = []rota.Instance
	one := func(priority, weight uint16, addrs ...string) endpoint { return endpoint{priority, weight, addrs} }
	tests := []struct {
		name string
		in   []endpoint
		want set
	}{
		{"none", nil, nil},
		{"weights", []endpoint{one(1, 10, "a:1"), one(1, 30, "b:1")}, set{{Addr: "a:1", Priority: 1, Weight: 1000}, {Addr: "b:1", Priority: 1, Weight: 3000}}},
		{"all zero", []endpoint{one(0, 0, "b:1"), one(0, 0, "a:1")}, set{{Addr: "a:1", Weight: 100}, {Addr: "b:1", Weight: 100}}},
		{"zero beside others", []endpoint{one(0, 0, "a:1"), one(0, 2, "b:1")}, set{{Addr: "a:1", Weight: 1}, {Addr: "b:1", Weight: 200}}},
		{"each priority for itself", []endpoint{one(2, 0, "c:1"), one(1, 7, "b:1"), one(2, 1, "d:1"), one(1, 5, "a:1")}, set{
			{Addr: "a:1", Priority: 1, Weight: 500}, {Addr: "b:1", Priority: 1, Weight: 700},
			{Addr: "c:1", Priority: 2, Weight: 1}, {Addr: "d:1", Priority: 2, Weight: 100},
		}},
		{"a target's addresses share", []endpoint{one(0, 4, "a:1", "b:1"), one(0, 4, "c:1")}, set{
			{Addr: "a:1", Weight: 200}, {Addr: "b:1", Weight: 200}, {Addr: "c:1", Weight: 400},
		}},
		{"a share is never nothing", []endpoint{one(0, 0, slices.Repeat([]string{"a:1"}, 101)...)}, set{{Addr: "a:1", Weight: 101}}},
		{"a target without addresses", []endpoint{one(0, 5), one(0, 0, "a:1")}, set{{Addr: "a:1", Weight: 100}}},
		{"one address, two records", []endpoint{one(0, 5, "a:1"), one(0, 2, "a:1"), one(0, 1, "b:1")}, set{{Addr: "a:1", Weight: 700}, {Addr: "b:1", Weight: 100}}},
		{"one address, two priorities", []endpoint{one(9, 5, "a:1"), one(3, 2, "a:1")}, set{{Addr: "a:1", Priority: 3, Weight: 200}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := instances(test.in); !slices.Equal(got, test.want) {
				t.Errorf("instances() = %+v, want %+v", got, test.want)
			}
		})
	}
}

// TestInstancesAnyOrder: the answer of a server that turns its records comes out the same, and changes no record.
func TestInstancesAnyOrder(t *testing.T) {
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 0))
		in := make([]endpoint, 1+r.IntN(8))
		for i := range in {
			in[i] = endpoint{priority: uint16(r.IntN(3)), weight: uint16(r.IntN(3) * r.IntN(65536))}
			for range r.IntN(4) {
				in[i].addrs = append(in[i].addrs, string(rune('a'+r.IntN(10)))+":1")
			}
		}
		want := instances(in)
		r.Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
		if got := instances(in); !slices.Equal(got, want) {
			t.Fatalf("seed %d: %+v, and in another order %+v", seed, want, got)
		}
		for _, inst := range want {
			if inst.Weight < 1 || inst.Weight > 1<<31-1 {
				t.Fatalf("seed %d: %+v: weight out of range", seed, inst)
			}
		}
	}
}
