package rotadash

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	minToken = 16
	cookie   = "rota_dash_" // and something of the token's: cookies of a host are sent to all its ports
	maxBody  = 4 << 10      // of a request
	header   = "Rota-Dash"
)

// policy is what the page may load: its own files, and nothing that is written in it.
const policy = "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// secret is what is kept of a token.
type secret struct {
	needed  bool
	token   [sha256.Size]byte
	cookie  string // the name of the cookie of somebody who gave the token
	session string // what it says
}

func newSecret(token string) secret {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("rotadash session"))
	sum := hex.EncodeToString(mac.Sum(nil))
	return secret{token != "", sha256.Sum256([]byte(token)), cookie + sum[:8], sum[8:]}
}

func (s *secret) is(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], s.token[:]) == 1
}

// sent reports whether a request has the token in it, which no browser adds by itself.
func (s *secret) sent(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return s.needed && strings.EqualFold(scheme, "Bearer") && s.is(token)
}

// known reports whether a request comes from somebody who has the token.
func (s *secret) known(r *http.Request) bool {
	if !s.needed || s.sent(r) {
		return true
	}
	c, err := r.Cookie(s.cookie)
	return err == nil && subtle.ConstantTimeCompare([]byte(c.Value), []byte(s.session)) == 1
}

// Guard returns h behind what guards the page, its names and its token: for what a program serves beside it, metrics say.
func (d *Dash) Guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		switch {
		case !d.hostAllowed(r):
			refuseName(w)
		case !d.secret.known(r):
			refuseUnknown(w)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin") // with none at all a form of our own comes from "null"
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

func refuseName(w http.ResponseWriter) {
	refuse(w, http.StatusForbidden, "this page is not called by that name; its program can be told to allow it")
}

func refuseUnknown(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	refuse(w, http.StatusUnauthorized, "a token is needed")
}

// ServeHTTP implements http.Handler.
func (d *Dash) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if r.URL.Path == "/healthz" { // it says nothing, and whoever asks for it has names of his own for us
		d.mux.ServeHTTP(w, r)
		return
	}
	if !d.hostAllowed(r) {
		d.auditRefusal(r, "not by this name")
		refuseName(w)
		return
	}
	open := r.URL.Path == "/login" || strings.HasPrefix(r.URL.Path, "/assets/")
	if !open && !d.secret.known(r) {
		if r.URL.Path == "/" && r.Method == http.MethodGet {
			d.showLogin(w, http.StatusUnauthorized)
			return
		}
		d.auditRefusal(r, "no token")
		refuseUnknown(w)
		return
	}
	if (r.Method != http.MethodGet && r.Method != http.MethodHead || strings.HasPrefix(r.URL.Path, "/api/") || r.URL.Path == "/events") && !sameOrigin(r) {
		d.auditRefusal(r, "from another site")
		refuse(w, http.StatusForbidden, "not from another site")
		return
	}
	d.mux.ServeHTTP(w, r)
}

// hostAllowed guards against DNS rebinding: a page of another site whose name leads to us sends that name. An address is no
// name that anybody could point anywhere, and no such page knows the token.
func (d *Dash) hostAllowed(r *http.Request) bool {
	host := bareHost(r.Host)
	if host == "localhost" || slices.Contains(d.hosts, host) || d.secret.sent(r) {
		return true
	}
	ip := net.ParseIP(host)
	if ip == nil {
		return false
	}
	if ip.IsLoopback() {
		return true
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return local != nil && local.IP.Equal(ip)
}

// sameOrigin reports whether a request comes from our own page, or from no page at all. Browsers say so in one header or
// the other; both are forbidden to scripts.
func sameOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin":
	case "none": // typed by hand
		if r.Method != http.MethodGet {
			return false
		}
	default:
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// login takes the token from a form, and gives a cookie for it.
func (d *Dash) login(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == "" {
		refuse(w, http.StatusForbidden, "a form of this page's is needed; programs send Authorization: Bearer")
		return
	}
	if !d.secret.needed || !d.secret.is(r.PostFormValue("token")) {
		d.log.Warn("admin: wrong token", "remote", r.RemoteAddr)
		d.showLogin(w, http.StatusForbidden)
		return
	}
	d.log.Info("admin: logged in", "remote", r.RemoteAddr)
	http.SetCookie(w, &http.Cookie{
		Name: d.secret.cookie, Value: d.secret.session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// showLogin sends the form. Its page says itself, by the status that its script cannot see, nothing: so there are two.
func (d *Dash) showLogin(w http.ResponseWriter, status int) {
	page := "login.html"
	if status == http.StatusForbidden {
		page = "denied.html"
	}
	a := d.assets[page]
	w.Header().Set("Content-Type", a.kind)
	w.WriteHeader(status)
	_, _ = w.Write(a.data)
}
