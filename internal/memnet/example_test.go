package memnet_test

import (
	"fmt"
	"io"
	"net/http"

	"github.com/rota-go/rota/internal/memnet"
)

func ExampleNetwork() {
	var network memnet.Network
	l, err := network.Listen("users:80")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello from %s", r.Host)
	})}
	go server.Serve(l)
	defer server.Close() // ends Serve

	client := &http.Client{Transport: &http.Transport{DialContext: network.DialContext}}
	defer client.CloseIdleConnections()

	resp, err := client.Get("http://users:80/")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Printf("%s %v\n", body, err)

	_, err = client.Get("http://orders:80/")
	fmt.Println(err)
	// Output:
	// hello from users:80 <nil>
	// Get "http://orders:80/": dial mem orders:80: connect: connection refused
}
