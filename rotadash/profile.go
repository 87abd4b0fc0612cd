package rotadash

import (
	"fmt"
	"net/http"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"time"
)

// Not net/http/pprof: to import it is to serve it on http.DefaultServeMux as well, which may be anybody's.

// profiles lists what there is.
func profiles(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, "profile?seconds=30\ntrace?seconds=1")
	for _, p := range pprof.Profiles() {
		fmt.Fprintln(w, p.Name())
	}
}

// profile writes one; ?debug=1 as text, as net/http/pprof has it.
func profile(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	w.Header().Set("Content-Type", "application/octet-stream")
	switch name {
	case "profile":
		during(w, r, 30, func() error { return pprof.StartCPUProfile(w) }, pprof.StopCPUProfile)
		return
	case "trace":
		during(w, r, 1, func() error { return trace.Start(w) }, trace.Stop)
		return
	}
	p := pprof.Lookup(name)
	if p == nil {
		refuse(w, http.StatusNotFound, "there is no such profile")
		return
	}
	debug, _ := strconv.Atoi(r.FormValue("debug"))
	if debug != 0 {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	_ = p.WriteTo(w, debug)
}

// during profiles for as long as is asked for, at most two minutes.
func during(w http.ResponseWriter, r *http.Request, usual int, start func() error, stop func()) {
	seconds, err := strconv.Atoi(r.FormValue("seconds"))
	if err != nil || seconds < 1 {
		seconds = usual
	}
	long := time.Duration(min(seconds, 120)) * time.Second
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(long + 10*time.Second))
	if err := start(); err != nil {
		refuse(w, http.StatusConflict, err.Error())
		return
	}
	defer stop()
	t := time.NewTimer(long)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	}
}
