package dns_test

import (
	"context"
	"fmt"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/internal/dnstest"
	"github.com/rota-go/rota/resolve/dns"
)

// zone stands for a DNS server of one's own.
func zone(text string) *dnstest.Server {
	server, err := dnstest.Start()
	if err != nil {
		panic(err)
	}
	if err := server.SetZone(text); err != nil {
		panic(err)
	}
	return server
}

func Example() {
	client, err := rota.New(rota.Config{
		Service:  "users",
		Resolver: &dns.Resolver{Name: "192.0.2.7:8080"}, // or "users.internal:8080"
		Policy:   rota.DefaultPolicy(),
	})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	where, err := rota.Do(context.Background(), client, rota.Call{}, rota.Op[string]{
		Send: func(_ context.Context, a *rota.Attempt) (string, error) { return a.Instance().Addr, nil },
	})
	fmt.Println(where, err)
	// Output: 192.0.2.7:8080 <nil>
}

func ExampleResolver_Resolve() {
	server := zone(`
		users.internal 30 A    10.0.0.1
		users.internal 30 A    10.0.0.2
		users.internal 30 AAAA fd00::1`)
	defer server.Close()

	r := &dns.Resolver{Name: "users.internal.:443", Scheme: "https", Server: server.Addr()}
	ctx, cancel := context.WithCancel(context.Background())
	err := r.Resolve(ctx, func(set []rota.Instance) {
		for _, inst := range set {
			fmt.Println(inst.Addr)
		}
		cancel()
	})
	fmt.Println(err)
	// Output:
	// https://10.0.0.1:443
	// https://10.0.0.2:443
	// https://[fd00::1]:443
	// context canceled
}

func ExampleResolver_sRV() {
	server := zone(`
		_http._tcp.users.internal 30 SRV 1 5 8080 a.users.internal
		_http._tcp.users.internal 30 SRV 1 3 8080 b.users.internal
		_http._tcp.users.internal 30 SRV 2 0 8080 c.users.internal
		a.users.internal          30 A   10.0.0.1
		b.users.internal          30 A   10.0.0.2
		c.users.internal          30 A   10.1.0.1`)
	defer server.Close()

	r := &dns.Resolver{SRV: "_http._tcp.users.internal.", Server: server.Addr()}
	ctx, cancel := context.WithCancel(context.Background())
	r.Resolve(ctx, func(set []rota.Instance) {
		for _, inst := range set {
			fmt.Println(inst.Addr, inst.Priority, inst.Weight)
		}
		cancel()
	})
	// Output:
	// 10.0.0.1:8080 1 500
	// 10.0.0.2:8080 1 300
	// 10.1.0.1:8080 2 100
}

func ExampleResolver_Validate() {
	fmt.Println((&dns.Resolver{Name: "users.internal"}).Validate())
	// Output: dns: Name = "users.internal", want host:port, such as "users.internal:8080"
}

func ExampleResolver_Refresh() {
	server := zone("users.internal 3600 A 10.0.0.1")
	defer server.Close()

	r := &dns.Resolver{Name: "users.internal.:80", Server: server.Addr(), MinInterval: time.Millisecond}
	ctx, cancel := context.WithCancel(context.Background())
	r.Resolve(ctx, func(set []rota.Instance) {
		for _, inst := range set {
			fmt.Println(inst.Addr, inst.Vanished)
		}
		if len(set) == 2 {
			cancel()
			return
		}
		if err := server.SetZone("users.internal 3600 A 10.0.0.2"); err != nil {
			panic(err)
		}
		r.Refresh() // as the calls of a Client do when replicas fail; else the next lookup is an hour away
	})
	// Output:
	// 10.0.0.1:80 false
	// 10.0.0.1:80 true
	// 10.0.0.2:80 false
}
