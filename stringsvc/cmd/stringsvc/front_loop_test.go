package main_test

import (
	"strconv"
	"strings"
	"testing"
)

const (
	loops    = `my_group_string_service_loop_count`
	received = `my_group_string_service_request_count{error="true",method="uppercase"}`
	answered = `my_group_string_service_request_count{error="false",method="uppercase"}`
)

func TestFrontAmongItsOwnReplicas(t *testing.T) {
	t.Parallel()
	t.Run("alone", func(t *testing.T) {
		t.Parallel()
		self := "127.0.0.1:" + strconv.Itoa(freePort(t))
		p := front(t, []string{self}, "-listen="+self)
		p.uppercase(t, "hello").want(t, 508, 3, `^status 508 Loop Detected$`)
		if n := p.metric(t, loops); n != 3 {
			t.Errorf("%s = %v, want one for each attempt", loops, n)
		}
		if n := p.metric(t, received) + p.metric(t, answered); n != 1 {
			t.Errorf("the front made %v calls, want the first alone: no recursion", n)
		}
	})
	t.Run("with a good replica", func(t *testing.T) {
		t.Parallel()
		self := "127.0.0.1:" + strconv.Itoa(freePort(t))
		good := newReplica(t, well)
		p := front(t, []string{self, good.addr()}, "-listen="+self)
		p.all(t, 20)
		if n := len(good.requests()); n != 20 {
			t.Errorf("the good replica was asked %d times, want 20", n)
		}
		if n := p.metric(t, answered); n != 20 {
			t.Errorf("the front made %v calls, want 20", n)
		}
		if n, retries := p.metric(t, loops), p.metric(t, `rota_client_retries_total{service="uppercase"}`); n < 1 || n != retries {
			t.Errorf("%s = %v, %v retries, want the same and some", loops, n, retries)
		}
	})
	t.Run("with a dead one", func(t *testing.T) {
		t.Parallel()
		self := "127.0.0.1:" + strconv.Itoa(freePort(t))
		p := front(t, append(refusing(t, 1), self), "-listen="+self)
		p.uppercase(t, "hello").want(t, 508, some, `refused|^status 508 Loop Detected$`)
	})
	t.Run("with one that fails", func(t *testing.T) {
		t.Parallel()
		self := "127.0.0.1:" + strconv.Itoa(freePort(t))
		bad := newReplica(t, status(500, `{}`))
		p := front(t, []string{self, bad.addr()}, "-listen="+self)
		p.uppercase(t, "hello").want(t, 502, 3, `^status (508 Loop Detected|500 Internal Server Error)$`)
	})
}

// TestTwoFrontsInALoop: whatever a call does between the two, it is each
// front's business once, and the caller learns of the loop.
func TestTwoFrontsInALoop(t *testing.T) {
	t.Parallel()
	for _, attempts := range []int{1, 3} {
		t.Run(strconv.Itoa(attempts)+" attempts", func(t *testing.T) {
			t.Parallel()
			first := "127.0.0.1:" + strconv.Itoa(freePort(t))
			flag := "-max-attempts=" + strconv.Itoa(attempts)
			second := front(t, []string{first}, flag)
			p := front(t, []string{second.addr()}, flag, "-listen="+first)
			p.uppercase(t, "hello").want(t, 508, attempts, `^status (508|503) `)
			if n := p.metric(t, received); n != 1 {
				t.Errorf("the first front made %v calls, want 1", n)
			}
			if n := second.metric(t, received); n != float64(attempts) {
				t.Errorf("the second front made %v calls, want one for each attempt", n)
			}
			if n := p.metric(t, loops); n < float64(attempts) || n > float64(attempts*attempts) {
				t.Errorf("%s = %v at the first front, want %d to %d", loops, n, attempts, attempts*attempts)
			}
			if n := second.metric(t, loops); n != 0 {
				t.Errorf("%s = %v at the second front, want 0", loops, n)
			}
		})
	}
}

func TestTooManyProcessesPassed(t *testing.T) {
	t.Parallel()
	good := newReplica(t, well)
	p := front(t, []string{good.addr()})
	p.uppercase(t, "hello", "Rota-Hops", strings.Repeat("x,", 14)+"x").want(t, 200, 0, ``)
	p.uppercase(t, "hello", "Rota-Hops", strings.Repeat("x,", 15)+"x").want(t, 508, 0, ``)
	if n := p.metric(t, loops); n != 1 {
		t.Errorf("%s = %v, want 1", loops, n)
	}
	if n := len(good.requests()); n != 1 {
		t.Errorf("the replica was asked %d times, want once", n)
	}
}
