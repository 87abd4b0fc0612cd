package main

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rota-go/rota"
)

func TestPolicyIsWhatTheFlagsSay(t *testing.T) {
	tests := []struct {
		name, args string
		want       func(*rota.Policy)
	}{
		{name: "defaults", want: func(*rota.Policy) {}},
		{name: "times", args: "-max-time=2s -try-time=1s", want: func(p *rota.Policy) {
			p.Timeout, p.Retry.TryTimeout = 2*time.Second, time.Second
		}},
		{name: "attempts", args: "-max-attempts=1", want: func(p *rota.Policy) { p.Retry.Attempts = 1 }},
		{name: "no hedge", args: "-hedge=false", want: func(p *rota.Policy) { p.Hedge = nil }},
		{name: "rate", args: "-qps=0.5 -burst=7", want: func(p *rota.Policy) { p.Rate = &rota.Rate{PerSecond: 0.5, Burst: 7} }},
		{name: "burst without rate", args: "-burst=7", want: func(*rota.Policy) {}},
		{name: "rate without burst", args: "-qps=100", want: func(p *rota.Policy) { p.Rate = &rota.Rate{PerSecond: 100, Burst: 10} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := parseFlags(strings.Fields(tt.args))
			if err != nil {
				t.Fatal(err)
			}
			want := rota.Policy{
				Timeout: 250 * time.Millisecond, Retry: &rota.Retry{Attempts: 3}, Hedge: &rota.Hedge{}, Breaker: &rota.Breaker{},
			}
			tt.want(&want)
			got := policy(cfg)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("policy(%s) = %+v, want %+v", tt.args, got, want)
			}
			if err := got.Validate(); err != nil {
				t.Errorf("Validate() = %v", err)
			}
		})
	}
}
