package main

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// replicas are the least a replica can be, so that neither side meets its own: plain net/http with kept connections, in this
// process, whose CPU time is not measured.
type replicas struct {
	addrs  []string
	served atomic.Int64 // answers, by all of them

	server  *http.Server
	serving sync.WaitGroup
}

func startReplicas(n int) (*replicas, error) {
	r := new(replicas)
	mux := http.NewServeMux()
	mux.HandleFunc("/uppercase", r.uppercase)
	r.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			r.close()
			return nil, err
		}
		r.addrs = append(r.addrs, l.Addr().String())
		r.serving.Go(func() { _ = r.server.Serve(l) })
	}
	return r, nil
}

func (r *replicas) close() {
	_ = r.server.Close()
	r.serving.Wait()
}

func (r *replicas) uppercase(w http.ResponseWriter, req *http.Request) {
	var in struct {
		S string `json:"s"`
	}
	if err := json.NewDecoder(req.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out, _ := json.Marshal(struct {
		V string `json:"v"`
	}{strings.ToUpper(in.S)})
	r.served.Add(1)
	w.Header()["Content-Type"] = []string{"application/json"}
	_, _ = w.Write(out)
}
