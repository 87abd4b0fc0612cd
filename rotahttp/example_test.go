package rotahttp_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
	"github.com/rota-go/rota/rotahttp/rotatest"
)

// users stands for a service of three replicas and its client.
func users(h http.HandlerFunc) (*rotatest.Replicas, *rota.Client) {
	replicas := rotatest.Start(3, h)
	client, err := rota.New(rota.Config{
		Service:  "users",
		Resolver: replicas.Resolver(), // rota.StaticAddrs("10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080")
		Policy:   rota.DefaultPolicy(),
		Balancer: rota.RoundRobinFrom(0),
	})
	if err != nil {
		log.Fatal(err)
	}
	return replicas, client
}

// A call of JSON. The first replica's reply is cut in half; another one answers.
func ExampleJSON() {
	type request struct{ Name string }
	type reply struct{ Greeting string }
	replicas, client := users(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"greeting":"Hello, Ann!"}`)
	})
	defer replicas.Close()
	defer client.Close()
	replicas.Replica(0).Set(rotatest.Cut())

	greet := rotahttp.JSON[request, reply](client, http.MethodGet, "/greet")
	greet.HTTP = replicas.Transport() // not needed outside of tests

	res, err := greet.Call(context.Background(), request{Name: "Ann"})
	fmt.Println(res.Greeting, err)
	fmt.Println("retries:", client.Stats().Retries)
	// Output:
	// Hello, Ann! <nil>
	// retries: 1
}

// An endpoint with an encoding of its own. What a replica refuses comes back as a StatusError, and is not tried elsewhere.
func ExampleEndpoint() {
	replicas, client := users(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			http.Error(w, "who?", http.StatusBadRequest)
			return
		}
		io.WriteString(w, `<user><name>Ann</name></user>`)
	})
	defer replicas.Close()
	defer client.Close()

	type user struct {
		Name string `xml:"name"`
	}
	find := &rotahttp.Endpoint[string, user]{
		Client:      client,
		HTTP:        replicas.Transport(),
		Method:      http.MethodPost,
		Path:        "/find",
		Idempotent:  true,
		ContentType: "text/plain",
		Encode:      func(id string) ([]byte, error) { return []byte(id), nil },
		Decode:      func(r rotahttp.Reply) (u user, err error) { return u, xml.Unmarshal(r.Body, &u) },
	}
	u, err := find.Call(context.Background(), "42")
	fmt.Println(u.Name, err)

	_, err = find.Call(context.Background(), "")
	if status, ok := errors.AsType[*rotahttp.StatusError](err); ok {
		fmt.Println(status.Code, err)
	}
	// Output:
	// Ann <nil>
	// 400 status 400 Bad Request
}

// An http.Client that exists already calls the service by its name.
func ExampleTransport() {
	replicas, client := users(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s%s from %s", r.Host, r.URL, rotatest.Addr(r))
	})
	defer replicas.Close()
	defer client.Close()
	replicas.Replica(0).Set(rotatest.Refuse())

	web := &http.Client{Transport: &rotahttp.Transport{
		Client: client,
		Base:   replicas.Transport(), // not needed outside of tests
	}}
	resp, err := web.Get("http://users/find?id=42")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Printf("%s %v\n", body, err)
	// Output:
	// users/find?id=42 from replica-1:80 <nil>
}

// A POST is sent twice only if its caller says that this does no harm.
func ExampleMayRepeat() {
	replicas, client := users(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "done") })
	defer replicas.Close()
	defer client.Close()
	replicas.Replica(0).Set(rotatest.Status(http.StatusInternalServerError))
	web := &http.Client{Transport: &rotahttp.Transport{Client: client, Base: replicas.Transport()}}

	ctx := rotahttp.MayRepeat(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://users/search", strings.NewReader("ann"))
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := web.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	// Output: 200 OK
}

// A service in the middle: the time that its caller has left bounds the call that it makes, and the caller's request id
// goes along.
func ExampleHandler() {
	replicas, client := users(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q", r.Header.Get("X-Request-Id"))
	})
	defer replicas.Close()
	defer client.Close()
	find := rotahttp.JSON[string, string](client, http.MethodGet, "/find")
	find.HTTP = replicas.Transport()

	handler := rotahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		deadline, ok := r.Context().Deadline()
		fmt.Println("a deadline:", ok, time.Until(deadline) <= 10*time.Second)
		id, err := find.Call(r.Context(), "ann")
		fmt.Println("the replica knows the request as", id, err)
	}), rotahttp.ServerPolicy{})

	front := rotatest.Start(1, handler) // for http.Server{Handler: handler}
	defer front.Close()
	req, err := http.NewRequest(http.MethodGet, "http://replica-0:80/", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Header.Set("X-Request-Id", "7f3a")
	req.Header.Set(rotahttp.HeaderTimeout, "10000")
	resp, err := front.Transport().RoundTrip(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	// Output:
	// a deadline: true true
	// the replica knows the request as 7f3a <nil>
}

// The settings that suit calls between services are a start for one's own.
func ExampleNewTransport() {
	base := rotahttp.NewTransport()
	base.IdleConnTimeout = 10 * time.Second
	base.ResponseHeaderTimeout = 5 * time.Second
	fmt.Println(base.MaxIdleConnsPerHost, base.TLSHandshakeTimeout, base.Proxy == nil)
	// Output: 1024 1s true
}

// Replicas are asked whether they are well, and requests that take long are told from those that do not.
func ExampleCheck() {
	replicas, client := users(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") })
	defer replicas.Close()
	defer client.Close()
	users := &rotahttp.Transport{
		Client: client,
		Base:   replicas.Transport(),
		Check:  &rotahttp.Check{Path: "/readyz", Interval: 5 * time.Second},
		Routes: []string{"GET /v1/{id}", "GET /report"},
	}
	resp, err := (&http.Client{Transport: users}).Get("http://users/v1/42")
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	for _, route := range client.Stats().Routes {
		fmt.Println(route.Name, route.Calls)
	}
	// Output: GET /v1/{id} 1
}

// A balancer that works with probes needs nothing but to be named; Probe is for servers that are asked elsewhere.
func ExampleProbe() {
	asked := make(chan string, 100)
	gate := rotahttp.Handler(http.NotFoundHandler(), rotahttp.ServerPolicy{LoadPath: "/how-are-you"})
	replicas := rotatest.Start(3, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gate.ServeHTTP(w, r)
		if r.URL.Path == "/how-are-you" {
			asked <- w.Header().Get(rotahttp.HeaderLoad)
		}
	}))
	defer replicas.Close()
	client, err := rota.New(rota.Config{Resolver: replicas.Resolver(), Balancer: rota.Prequal(rota.PrequalParams{})})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	transport := &rotahttp.Transport{
		Client: client, Base: replicas.Transport(), // which is not needed outside of tests
		Probe: rotahttp.Probe{Path: "/how-are-you", Timeout: 3 * time.Millisecond},
	}
	resp, err := (&http.Client{Transport: transport}).Get("http://users/")
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	fmt.Println(strings.Contains(<-asked, "state=ok"))
	// Output: true
}

// One request may want more than others: here that a reply that breaks off is tried elsewhere, and to be told why it went
// where it did.
func ExampleWith() {
	replicas := rotatest.Start(2, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	defer replicas.Close()
	replicas.Replica(0).Set(rotatest.Cut())
	client, err := rota.New(rota.Config{
		Resolver: replicas.Resolver(), Balancer: rota.RoundRobinFrom(0), Policy: rota.Policy{Retry: &rota.Retry{}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	transport := &rotahttp.Transport{Client: client, Base: replicas.Transport()}
	ctx := rotahttp.With(context.Background(), &rotahttp.Options{
		HoldReply: 64 << 10,
		Decided: func(d *rota.Decision) {
			for _, t := range d.Tries {
				fmt.Println(t.Cause, t.Verdict)
			}
		},
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://users/", nil)
	if err != nil {
		log.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(string(body), err)
	// Output:
	// first failure
	// retry success
	// hello <nil>
}
