package main

import (
	"io"
	"net"
	"net/http"
	"testing"
)

func TestAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- serve(l) }()
	defer func() {
		l.Close()
		<-served
	}()
	tests := []struct {
		name, method, path string
		status             int
		size               int
	}{
		{"plain", "GET", "/", 200, 13},
		{"so many", "GET", "/10000", 200, 10_000},
		{"none", "GET", "/0", 200, 0},
		{"too many", "GET", "/99999999", 200, 13},
		{"a body is not read", "POST", "/", 400, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // on one connection
				req, err := http.NewRequestWithContext(t.Context(), tt.method, "http://"+l.Addr().String()+tt.path, nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode != tt.status || len(body) != tt.size || err != nil {
					t.Errorf("%s %s = %d, %d bytes, %v; want %d, %d", tt.method, tt.path, resp.StatusCode, len(body), err, tt.status, tt.size)
				}
			}
		})
	}
}
