package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReplicasTakeTurns(t *testing.T) {
	var addrs []string
	for _, name := range []string{"a", "b", "c"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, name+r.Header.Get("X-Forwarded-Proto"))
		}))
		defer s.Close()
		addrs = append(addrs, strings.TrimPrefix(s.URL, "http://"))
	}
	front := httptest.NewServer(newProxy(addrs))
	defer front.Close()
	var got string
	for range 6 {
		resp, err := http.Get(front.URL)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		got += string(b) + " "
	}
	if want := "bhttp chttp ahttp bhttp chttp ahttp "; got != want {
		t.Errorf("answers = %q, want %q", got, want)
	}
}
