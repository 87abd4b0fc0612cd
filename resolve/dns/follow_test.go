package dns_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/internal/dnstest"
	"github.com/rota-go/rota/resolve/dns"
)

func itoa(n int) string { return strconv.Itoa(n) }

// follow runs Resolve until the test's end, and returns what it tells. Sets that are the same as the one before are left out.
func follow(t *testing.T, r *dns.Resolver) <-chan string {
	t.Helper()
	sets := make(chan string)
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		last := ""
		err := r.Resolve(ctx, func(set []rota.Instance) {
			if s := said(set); s != last {
				last = s
				select {
				case sets <- s:
				case <-ctx.Done():
				}
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Resolve() = %v before its context ended", err)
		}
	})
	t.Cleanup(func() { cancel(); done.Wait() })
	return sets
}

func expect(t *testing.T, sets <-chan string, want string) {
	t.Helper()
	select {
	case got := <-sets:
		if got != want {
			t.Fatalf("told %q, want %q", got, want)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("told nothing, want %q", want)
	}
}

// await waits for an error with that text.
func await(t *testing.T, heard <-chan error, text string) {
	t.Helper()
	late := time.After(10 * time.Second)
	for {
		select {
		case err := <-heard:
			if strings.Contains(err.Error(), text) {
				return
			}
		case <-late:
			t.Fatalf("OnError was not told of %q", text)
		}
	}
}

func TestFollowsChanges(t *testing.T) {
	server := serve(t, "users.test 0 A 10.0.0.1\nusers.test 0 A 10.0.0.2")
	heard := make(chan error, 1000)
	r := &dns.Resolver{
		Name: "users.test.:80", Server: server.Addr(),
		MinInterval: time.Millisecond, Grace: -1, OnError: func(err error) { heard <- err },
	}
	sets := follow(t, r)
	expect(t, sets, "10.0.0.1:80 10.0.0.2:80")
	setZone(t, server, "users.test 0 A 10.0.0.2")
	expect(t, sets, "10.0.0.2:80")

	// An outage, in all of its forms, is heard and changes nothing.
	setZone(t, server, "")
	await(t, heard, "no such host")
	server.SetFault(func(dnstest.Question) dnstest.Fault { return dnstest.Fault{RCode: 2} })
	await(t, heard, "server misbehaving")
	server.SetFault(nil)
	setZone(t, server, "users.test 0 A 10.0.0.3")
	expect(t, sets, "10.0.0.3:80")
}

func TestVanishedFirst(t *testing.T) {
	server := serve(t, "users.test 0 A 10.0.0.1\nusers.test 0 A 10.0.0.2")
	r := &dns.Resolver{Name: "users.test.:80", Server: server.Addr(), MinInterval: time.Millisecond, Grace: time.Hour}
	sets := follow(t, r)
	expect(t, sets, "10.0.0.1:80 10.0.0.2:80")
	setZone(t, server, "users.test 0 A 10.0.0.2")
	expect(t, sets, "10.0.0.1:80? 10.0.0.2:80")
	setZone(t, server, "users.test 0 A 10.0.0.1\nusers.test 0 A 10.0.0.2")
	expect(t, sets, "10.0.0.1:80 10.0.0.2:80")
}

// TestFamilyWithoutAnswerStays: a server that fails for one type of record takes no replica away.
func TestFamilyWithoutAnswerStays(t *testing.T) {
	server := serve(t, "users.test 0 A 10.0.0.1\nusers.test 0 AAAA fd00::1")
	r := &dns.Resolver{Name: "users.test.:80", Server: server.Addr(), MinInterval: time.Millisecond, Grace: -1}
	sets := follow(t, r)
	expect(t, sets, "10.0.0.1:80 [fd00::1]:80")
	server.SetFault(func(q dnstest.Question) dnstest.Fault {
		if q.Type == "AAAA" {
			return dnstest.Fault{RCode: 2}
		}
		return dnstest.Fault{}
	})
	setZone(t, server, "users.test 0 A 10.0.0.2")
	expect(t, sets, "10.0.0.1:80 10.0.0.2:80 [fd00::1]:80") // part of the answer is missing, so nobody is gone for sure
	server.SetFault(nil)
	expect(t, sets, "10.0.0.2:80")
}

// TestTargetWithoutAnswerStays: the same for a target of SRV; one that certainly does not exist goes.
func TestTargetWithoutAnswerStays(t *testing.T) {
	const srv = "_h._tcp.test 0 SRV 0 1 80 a.test\n_h._tcp.test 0 SRV 0 1 80 b.test\n"
	server := serve(t, srv+"a.test 0 A 10.0.0.1\nb.test 0 A 10.0.0.2")
	r := &dns.Resolver{SRV: "_h._tcp.test.", Server: server.Addr(), MinInterval: time.Millisecond, Grace: -1}
	sets := follow(t, r)
	expect(t, sets, "10.0.0.1:80/0*100 10.0.0.2:80/0*100")
	server.SetFault(func(q dnstest.Question) dnstest.Fault {
		if q.Name == "b.test" {
			return dnstest.Fault{RCode: 2}
		}
		return dnstest.Fault{}
	})
	setZone(t, server, srv+"a.test 0 A 10.0.0.3\nb.test 0 A 10.0.0.2")
	expect(t, sets, "10.0.0.1:80/0*100 10.0.0.2:80/0*100 10.0.0.3:80/0*100")
	setZone(t, server, srv+"a.test 0 A 10.0.0.3")
	server.SetFault(nil)
	expect(t, sets, "10.0.0.3:80/0*100")
}

// TestTTLs: what is on the wire decides, not MinInterval.
func TestTTLs(t *testing.T) {
	server := serve(t, "users.test 3600 A 10.0.0.1")
	r := &dns.Resolver{Name: "users.test.:80", Server: server.Addr(), Network: "ip4", MinInterval: time.Millisecond, MaxInterval: 24 * time.Hour}
	sets := follow(t, r)
	expect(t, sets, "10.0.0.1:80")
	setZone(t, server, "users.test 3600 A 10.0.0.2")
	select {
	case got := <-sets:
		t.Errorf("told %q, though the answer holds for an hour", got)
	case <-time.After(50 * time.Millisecond):
	}
	if n := server.Count("users.test", "A"); n != 1 {
		t.Errorf("%d queries, want 1", n)
	}
	r.Refresh()
	expect(t, sets, "10.0.0.1:80? 10.0.0.2:80")
	if n := server.Count("users.test", "A"); n != 2 {
		t.Errorf("%d queries after Refresh, want 2", n)
	}
}

// TestSharedResolver: each of two Clients hears of changes, and a Refresh reaches both.
func TestSharedResolver(t *testing.T) {
	server := serve(t, "users.test 3600 A 10.0.0.1")
	r := &dns.Resolver{Name: "users.test.:80", Server: server.Addr(), MinInterval: time.Millisecond, Grace: -1}
	r.Refresh() // nobody is there yet
	one, other := follow(t, r), follow(t, r)
	expect(t, one, "10.0.0.1:80")
	expect(t, other, "10.0.0.1:80")
	setZone(t, server, "users.test 3600 A 10.0.0.2")
	var refreshing sync.WaitGroup
	for range 4 {
		refreshing.Go(r.Refresh)
	}
	refreshing.Wait()
	expect(t, one, "10.0.0.2:80")
	expect(t, other, "10.0.0.2:80")
}

// TestManyAddresses: an answer that fits no datagram comes over TCP, in full.
func TestManyAddresses(t *testing.T) {
	const n = 3000
	var zone strings.Builder
	for i := range n {
		fmt.Fprintf(&zone, "users.test 30 A 10.0.%d.%d\n", i/250, i%250)
	}
	server := serve(t, zone.String())
	got, err := first(t, &dns.Resolver{Name: "users.test.:80", Server: server.Addr(), Network: "ip4"})
	if err != nil || strings.Count(got, ":80") != n {
		t.Errorf("Resolve() told %d addresses, %v, want %d", strings.Count(got, ":80"), err, n)
	}
}

// TestTooManyAddresses: what many targets of SRV bring together is bounded.
func TestTooManyAddresses(t *testing.T) {
	var zone strings.Builder
	for target := range 11 {
		fmt.Fprintf(&zone, "_h._tcp.test 30 SRV 0 0 80 t%d.test\n", target)
		for i := range 1000 {
			fmt.Fprintf(&zone, "t%d.test 30 A 10.%d.%d.%d\n", target, target, i/250, i%250)
		}
	}
	server := serve(t, zone.String())
	_, err := first(t, &dns.Resolver{SRV: "_h._tcp.test.", Server: server.Addr(), Network: "ip4"})
	if want := "dns: _h._tcp.test. has 11000 addresses, want at most 10000"; err == nil || err.Error() != want {
		t.Errorf("Resolve() = %v, want %s", err, want)
	}
}
