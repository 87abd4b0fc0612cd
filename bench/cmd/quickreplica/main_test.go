package main

import (
	"io"
	"net"
	"net/http"
	"strings"
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
		body               func() io.Reader // for each request anew: after an early answer it may still be read
		status             int
		size               int
	}{
		{"plain", "GET", "/", nil, 200, 13},
		{"so many", "GET", "/10000", nil, 200, 10_000},
		{"none", "GET", "/0", nil, 200, 0},
		{"too many", "GET", "/99999999", nil, 200, 13},
		{"a body is read", "POST", "/", func() io.Reader { return strings.NewReader(strings.Repeat("x", 100_000)) }, 200, 13},
		{"a body of unknown length", "POST", "/", func() io.Reader { return io.MultiReader(strings.NewReader("x")) }, 400, 0},
		{"another method", "PUT", "/", nil, 400, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // on one connection
				var body io.Reader
				if tt.body != nil {
					body = tt.body()
				}
				req, err := http.NewRequestWithContext(t.Context(), tt.method, "http://"+l.Addr().String()+tt.path, body)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode != tt.status || len(got) != tt.size || err != nil {
					t.Errorf("%s %s = %d, %d bytes, %v; want %d, %d", tt.method, tt.path, resp.StatusCode, len(got), err, tt.status, tt.size)
				}
			}
		})
	}
}
