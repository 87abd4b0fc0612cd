package rotadash_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotadash"
)

// One page for all clients of a program. Serve would run it and serve it; here it only answers.
func ExampleNew() {
	dash, err := rotadash.New(rotadash.Params{Title: "orders"})
	if err != nil {
		fmt.Println(err)
		return
	}
	overrides := rota.NewOverrides(rota.StaticAddrs("10.0.0.1:8080", "10.0.0.2:8080"))
	client, err := rota.New(rota.Config{Service: "users", Resolver: overrides, Observer: dash.Observer()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	if err := dash.Set([]rotadash.Service{{Name: "users", Source: client, Ejector: client, Overrides: overrides}}); err != nil {
		fmt.Println(err)
		return
	}

	page := httptest.NewRecorder()
	dash.ServeHTTP(page, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:9901/", nil))
	fmt.Println(page.Code, page.Header().Get("Content-Type"))
	rebound := httptest.NewRecorder()
	dash.ServeHTTP(rebound, httptest.NewRequest(http.MethodGet, "http://evil.example:9901/", nil))
	fmt.Println(rebound.Code)
	// Output:
	// 200 text/html; charset=utf-8
	// 403
}
