package rotadash_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/rota-go/rota/rotadash"
)

func newDash(t *testing.T, p rotadash.Params) *rotadash.Dash {
	t.Helper()
	p.Log = slog.New(slog.DiscardHandler)
	d, err := rotadash.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func answer(d *rotadash.Dash, r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	d.ServeHTTP(rec, r)
	return rec
}

func TestOnlyByNamesThatAreOurs(t *testing.T) {
	d := newDash(t, rotadash.Params{Hosts: []string{"Dash.Internal", "other.internal:9901"}})
	for host, want := range map[string]int{
		"localhost": 200, "localhost:9901": 200, "LOCALHOST:1": 200, "localhost.": 200, "127.0.0.1:9901": 200, "127.1.2.3": 200, "[::1]:9901": 200,
		"dash.internal": 200, "dash.internal:80": 200, "other.internal": 200, "10.1.2.3:9901": 200, // the listener's own
		"evil.example": 403, "evil.example:9901": 403, "localhost.evil.example": 403, "10.1.2.4": 403, "": 403, "127.0.0.1.evil.example": 403,
		"0x7f.1": 403, "[::1]evil": 403,
	} {
		for _, path := range []string{"/", "/api/state", "/healthz", "/assets/app.js"} {
			r := httptest.NewRequest(http.MethodGet, "http://x"+path, nil)
			r.Host = host
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.ParseIP("10.1.2.3"), Port: 9901}))
			want := want
			if path == "/healthz" { // which is for everybody
				want = 200
			}
			if got := answer(d, r); got.Code != want {
				t.Errorf("Host %q, %s = %d, want %d", host, path, got.Code, want)
			}
		}
	}
}

func TestNotFromOtherSites(t *testing.T) {
	act := func(_ context.Context, _ string) error { return nil }
	d := newDash(t, rotadash.Params{Actions: []rotadash.Action{{Name: "x", Do: act}}})
	const own = "http://localhost:9901"
	for _, tt := range []struct {
		name, method, path string
		header             map[string]string
		want               int
	}{
		{"page", "GET", "/", nil, 200},
		{"page, by a link from elsewhere", "GET", "/", map[string]string{"Sec-Fetch-Site": "cross-site"}, 200},
		{"state", "GET", "/api/state", nil, 200},
		{"state, our page", "GET", "/api/state", map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
		{"state, typed", "GET", "/api/state", map[string]string{"Sec-Fetch-Site": "none"}, 200},
		{"state, another site", "GET", "/api/state", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"state, another port", "GET", "/api/state", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{"stream, another site", "GET", "/events", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"stream, another origin", "GET", "/events", map[string]string{"Origin": "http://evil.example"}, 403},
		{"stream, a file", "GET", "/events", map[string]string{"Origin": "null"}, 403},
		{"act, another origin", "POST", "/api/act", map[string]string{"Origin": "http://evil.example"}, 403},
		{"act, another port", "POST", "/api/act", map[string]string{"Origin": "http://localhost:1"}, 403},
		{"act, another scheme", "POST", "/api/act", map[string]string{"Origin": "file://localhost:9901"}, 403},
		{"act, typed", "POST", "/api/act", map[string]string{"Sec-Fetch-Site": "none"}, 403},
		{"act, a form's type", "POST", "/api/act", map[string]string{"Origin": own, "Content-Type": "text/plain"}, 415},
		{"act, no header", "POST", "/api/act", map[string]string{"Origin": own, "Content-Type": "application/json"}, 403},
		{"act, as it should be, of no service", "POST", "/api/act", map[string]string{"Origin": own, "Content-Type": "application/json", "Rota-Dash": "1"}, 404},
		{"act, from a shell", "POST", "/api/act", map[string]string{"Content-Type": "application/json; charset=utf-8", "Rota-Dash": "1"}, 404},
		{"other methods", "DELETE", "/api/act", nil, 405},
		{"preflight", "OPTIONS", "/api/act", map[string]string{"Origin": "http://evil.example"}, 403},
	} {
		r := httptest.NewRequest(tt.method, own+tt.path, strings.NewReader(`{"act":"x","service":"s","replica":"r"}`))
		for k, v := range tt.header {
			r.Header.Set(k, v)
		}
		rec := answer(d, r)
		if rec.Code != tt.want {
			t.Errorf("%s = %d %s, want %d", tt.name, rec.Code, rec.Body, tt.want)
		}
		if h := rec.Header(); h.Get("Access-Control-Allow-Origin") != "" || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", tt.name, h)
		}
	}
}

func TestToken(t *testing.T) {
	const token = "0123456789abcdef-secret"
	d := newDash(t, rotadash.Params{Token: token, Pprof: true})
	get := func(path string, header ...string) int {
		r := httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return answer(d, r).Code
	}
	for path, want := range map[string]int{"/": 401, "/api/state": 401, "/events": 401, "/debug/pprof/": 401, "/assets/style.css": 200, "/healthz": 200, "/nothing": 401} {
		if got := get(path); got != want {
			t.Errorf("%s without a token = %d, want %d", path, got, want)
		}
	}
	for value, want := range map[string]int{"Bearer " + token: 200, "Bearer " + token + "x": 401, "Bearer ": 401, "Basic " + token: 401, token: 401} {
		if got := get("/api/state", "Authorization", value); got != want {
			t.Errorf("Authorization %q = %d, want %d", value, got, want)
		}
	}
	login := func(token, origin string) *httptest.ResponseRecorder { return loginAt(d, token, origin) }
	if rec := login("wrong", "http://localhost"); rec.Code != 403 || rec.Header().Get("Set-Cookie") != "" || strings.Contains(rec.Body.String(), "wrong</") {
		t.Errorf("wrong token = %d, %v", rec.Code, rec.Header())
	}
	if rec := login(token, "http://evil.example"); rec.Code != 403 || rec.Header().Get("Set-Cookie") != "" {
		t.Errorf("login from elsewhere = %d, %v", rec.Code, rec.Header())
	}
	if rec := login(token, ""); rec.Code != 403 {
		t.Errorf("login from nowhere = %d", rec.Code)
	}
	rec := login(token, "http://localhost")
	set := rec.Header().Get("Set-Cookie")
	if rec.Code != http.StatusSeeOther || !strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=Strict") || strings.Contains(set, token) {
		t.Fatalf("login = %d, %q", rec.Code, set)
	}
	cookie, _, _ := strings.Cut(set, ";")
	if got := get("/", "Cookie", cookie); got != 200 {
		t.Errorf("the page with the cookie = %d, want 200", got)
	}
	other := newDash(t, rotadash.Params{Token: "another token, of another program"})
	if name, _, _ := strings.Cut(cookie, "="); strings.HasPrefix(loginAt(other, "another token, of another program", "http://localhost").Header().Get("Set-Cookie"), name+"=") {
		t.Error("two programs on one machine, with two tokens, overwrite each other's cookies")
	}
	if got := get("/", "Cookie", cookie[:len(cookie)-1]); got != 401 {
		t.Errorf("the page with another cookie = %d, want 401", got)
	}
}

// What a program serves beside the page is for whoever may see the page. Whoever sends the token is no page of another site, and
// may call it by any name.
func TestGuard(t *testing.T) {
	const token = "0123456789abcdef"
	for _, tt := range []struct {
		name, token, host, header string
		want                      int
	}{
		{"open", "", "localhost:9901", "", 200},
		{"another name", "", "evil.example", "", 403},
		{"another name, and a token that nobody asked for", "", "evil.example", "Bearer " + token, 403},
		{"without the token", token, "localhost:9901", "", 401},
		{"with the token", token, "localhost:9901", "Bearer " + token, 200},
		{"in lower case", token, "localhost:9901", "bearer " + token, 200},
		{"with the token, another name", token, "orders.internal:9901", "Bearer " + token, 200},
		{"another token, another name", token, "orders.internal:9901", "Bearer 0123456789abcdeX", 403},
	} {
		d := newDash(t, rotadash.Params{Token: tt.token})
		beside := d.Guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		for path, h := range map[string]http.Handler{"/metrics": beside, "/api/state": d} {
			r := httptest.NewRequest(http.MethodGet, "http://"+tt.host+path, nil)
			if tt.header != "" {
				r.Header.Set("Authorization", tt.header)
			}
			rec := httptest.NewRecorder()
			if h.ServeHTTP(rec, r); rec.Code != tt.want || rec.Header().Get("Cross-Origin-Resource-Policy") != "same-origin" {
				t.Errorf("%s: %s = %d, %v, want %d", tt.name, path, rec.Code, rec.Header(), tt.want)
			}
		}
	}
}

// Whoever would have changed something is in the log, however far it came.
func TestWhoIsTurnedAwayIsLogged(t *testing.T) {
	const body = `{"act":"drain","service":"users","replica":"a","confirm":true}`
	for why, change := range map[string]func(*http.Request){
		"not by this name":  func(r *http.Request) { r.Host = "evil.example" },
		"no token":          func(r *http.Request) { r.Header.Del("Authorization") },
		"from another site": func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
		"want the header":   func(r *http.Request) { r.Header.Del("Rota-Dash") },
	} {
		log := new(safeBuffer)
		d, err := rotadash.New(rotadash.Params{Token: "0123456789abcdef", Write: true, Log: slog.New(slog.NewTextHandler(log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "http://localhost/api/act", strings.NewReader(body))
		for key, value := range map[string]string{"Authorization": "Bearer 0123456789abcdef", "Content-Type": "application/json", "Rota-Dash": "1"} {
			r.Header.Set(key, value)
		}
		if change(r); why == "not by this name" {
			r.Header.Del("Authorization")
		}
		answer(d, r)
		if said := log.String(); !strings.Contains(said, "admin: refused") || !strings.Contains(said, why) || strings.Contains(said, "0123456789abcdef") {
			t.Errorf("%s: the log has %q", why, said)
		}
	}
}

func loginAt(d *rotadash.Dash, token, origin string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "http://localhost/login", strings.NewReader(url.Values{"token": {token}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	return answer(d, r)
}

func TestBodiesAreBounded(t *testing.T) {
	d := newDash(t, rotadash.Params{})
	r := httptest.NewRequest(http.MethodPost, "http://localhost/api/act", strings.NewReader(`{"act":"`+strings.Repeat("x", 1<<20)+`"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Rota-Dash", "1")
	if rec := answer(d, r); rec.Code != http.StatusBadRequest {
		t.Errorf("a megabyte = %d, want 400", rec.Code)
	}
}

func TestProfilesOnlyWhenAskedFor(t *testing.T) {
	for _, on := range []bool{false, true} {
		d := newDash(t, rotadash.Params{Pprof: on})
		for path, want := range map[string]int{
			"/debug/pprof/": 200, "/debug/pprof/goroutine?debug=1": 200, "/debug/pprof/heap": 200, "/debug/pprof/trace?seconds=1": 200, "/debug/pprof/none": 404,
		} {
			if !on {
				want = 404
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // a trace need not take its second
			if rec := answer(d, httptest.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+path, nil)); rec.Code != want {
				t.Errorf("Pprof %v: %s = %d, want %d", on, path, rec.Code, want)
			}
		}
	}
}
