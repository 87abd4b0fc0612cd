package rotadash

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// The page, and uPlot 1.6.32 (MIT, L. Kamenov, github.com/leeoniya/uPlot) as npm has it: 50 KB that draw lines quickly,
// without dependencies.
//
//go:embed page
var files embed.FS

// asset is a file of the page.
type asset struct {
	kind, tag string
	data      []byte
}

// kinds are the types of files; the machine's own table may say otherwise.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml", "": "text/plain; charset=utf-8",
}

func loadAssets() (map[string]asset, error) {
	all := make(map[string]asset)
	err := fs.WalkDir(files, "page", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := files.ReadFile(name)
		sum := sha256.Sum256(data)
		all[path.Base(name)] = asset{kinds[path.Ext(name)], `"` + hex.EncodeToString(sum[:8]) + `"`, data}
		return err
	})
	return all, err
}

func (d *Dash) routes() *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { d.sendAsset(w, r, "index.html") })
	m.HandleFunc("GET /assets/{name}", func(w http.ResponseWriter, r *http.Request) { d.sendAsset(w, r, r.PathValue("name")) })
	m.HandleFunc("POST /login", d.login)
	m.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusSeeOther) })
	m.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, map[string]string{"status": "ok"}) })
	m.HandleFunc("GET /events", d.stream)
	m.HandleFunc("GET /api/state", d.sendState)
	m.HandleFunc("GET /api/events", d.listEvents)
	m.HandleFunc("GET /api/decisions", d.listDecisions)
	m.HandleFunc("GET /api/decisions/{id}", d.oneDecision)
	m.HandleFunc("POST /api/act", d.act)
	if d.params.Pprof {
		m.HandleFunc("GET /debug/pprof/{$}", profiles)
		m.HandleFunc("GET /debug/pprof/{name}", profile)
	}
	return m
}

func (d *Dash) sendAsset(w http.ResponseWriter, r *http.Request, name string) {
	a, ok := d.assets[name]
	if !ok || strings.HasSuffix(name, ".html") && r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", a.tag)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(a.data))
}

// sendState sends everything, or of replicas those of one service: of many services with many replicas it is megabytes.
func (d *Dash) sendState(w http.ResponseWriter, r *http.Request) {
	of := r.FormValue("service")
	d.mu.Lock()
	known := of == "" || d.serviceLocked(of) != nil
	d.mu.Unlock()
	if !known {
		refuse(w, http.StatusNotFound, "no such service")
		return
	}
	writeJSON(w, d.state(0, of))
}

func (d *Dash) listEvents(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseUint(r.FormValue("after"), 10, 64)
	if err != nil && r.FormValue("after") != "" {
		refuse(w, http.StatusBadRequest, "after: want a number")
		return
	}
	d.mu.Lock()
	list := d.events.since(after)
	d.mu.Unlock()
	writeJSON(w, map[string]any{"boot": d.boot, "events": list})
}

// maxListed is how many decisions one request gets.
const maxListed = 1000

func (d *Dash) listDecisions(w http.ResponseWriter, r *http.Request) {
	f := filter{service: r.FormValue("service"), replica: r.FormValue("replica"), outcome: r.FormValue("outcome"), text: r.FormValue("text"), limit: 100}
	if s := r.FormValue("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			refuse(w, http.StatusBadRequest, "limit: want a number, 1 to "+strconv.Itoa(maxListed))
			return
		}
		f.limit = min(n, maxListed)
	}
	d.mu.Lock()
	list := d.decisions.matching(f)
	d.mu.Unlock()
	writeJSON(w, map[string]any{"boot": d.boot, "decisions": list})
}

func (d *Dash) oneDecision(w http.ResponseWriter, r *http.Request) {
	id, ok := parseID(r.PathValue("id"), d.boot)
	d.mu.Lock()
	one, found := d.decisions.find(id)
	d.mu.Unlock()
	if !ok || !found {
		refuse(w, http.StatusNotFound, "this decision is not kept any more")
		return
	}
	writeJSON(w, one)
}

func writeJSON(w http.ResponseWriter, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(data, '\n'))
}

// refuse answers with an error, as JSON.
func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	data, _ := json.Marshal(map[string]string{"error": text})
	_, _ = w.Write(append(data, '\n'))
}
