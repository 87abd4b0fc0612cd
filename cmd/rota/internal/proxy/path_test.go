package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// verbatim sends a request as it is written, and returns the response and its body; a connection that ends before is status
// 0, and the error.
func (w *world) verbatim(t *testing.T, text string) (*http.Response, string) {
	t.Helper()
	c, err := net.Dial("tcp", w.front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(text, " ")
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		return &http.Response{}, err.Error()
	}
	defer resp.Body.Close()
	body := new(strings.Builder)
	if _, err := io.Copy(body, resp.Body); err != nil {
		body.WriteString(" " + err.Error())
	}
	return resp, body.String()
}

// What a path means to somebody, it means to the routes too; or it is refused.
func TestPaths(t *testing.T) {
	w := start(t, 1, echo, `
routes:
  - {path: /api, service: users, rewrite: {strip_prefix: /api}}
  - {path: /under, service: users, rewrite: {strip_prefix: /under/, add_prefix: "/ä b"}}
  - {service: users}
`)
	for _, c := range []struct {
		target string
		status int
		want   string // what the replica got
	}{
		{"/api", 200, "/"}, {"/api/", 200, "/"}, {"/api/a%2Fb", 200, "/a%2Fb"}, {"/%61pi/a%2Fb", 200, "/a%2Fb"}, {"/api%2Fa%2Fb", 200, "/a%2Fb"},
		{"/apis", 200, "/apis"}, {"/API", 200, "/API"}, {"//api", 200, "//api"}, {"/api//x", 200, "//x"}, {"/under/x", 200, "/%C3%A4%20b/x"},
		{"/under/x%2Fy", 200, "/%C3%A4%20b/x%2Fy"}, {"/api/..a/b.", 200, "/..a/b."}, {"/api/...", 200, "/..."}, {"/a;b=c/d", 200, "/a;b=c/d"},
		{"/api/../x", 400, ""}, {"/api/..", 400, ""}, {"/api/./x", 400, ""}, {"/api/%2e%2e/x", 400, ""}, {"/api%2F..%2Fx", 400, ""},
		{"/api/..;/x", 400, ""}, {"/api/.;v=1/x", 400, ""}, {"/api/..%5Cx", 400, ""}, {"/api%5C..%5Cx", 400, ""}, {"/api/x%00.png", 400, ""},
		{"http://users", 200, "/"}, {"http://users?a=b", 200, "/?a=b"}, {"http://users/api/x", 200, "/x"},
	} {
		resp, body := w.verbatim(t, "GET "+c.target+" HTTP/1.1\r\nHost: users\r\n\r\n")
		if resp.StatusCode != c.status || c.status == 200 && !strings.HasPrefix(body, "GET "+c.want+" host=users ") {
			t.Errorf("%s: %d %s, want %d %s", c.target, resp.StatusCode, body, c.status, c.want)
		}
	}
}

// A client cannot take away what replicas are told of it by naming that in Connection.
func TestConnectionNamesNothingOfOurs(t *testing.T) {
	w := start(t, 1, echo, "forwarded: {send: both}")
	for _, upgrade := range []string{"", ", Upgrade\r\nUpgrade: x"} {
		_, body := w.verbatim(t, "GET / HTTP/1.1\r\nHost: a\r\nX-Mine: 1\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: X-Forwarded-For, x-forwarded-proto, X-Forwarded-Host, Forwarded, X-Mine"+upgrade+"\r\n\r\n")
		for _, want := range []string{"X-Forwarded-For: 127.0.0.1\r\n", "X-Forwarded-Proto: http\r\n", "X-Forwarded-Host: a\r\n", "Forwarded: for=127.0.0.1"} {
			if !strings.Contains(body, want) {
				t.Errorf("no %q in\n%s", want, body)
			}
		}
		if strings.Contains(body, "X-Mine") {
			t.Errorf("what Connection names was passed on:\n%s", body)
		}
	}
}

// Requests that want another protocol are requests all the same: those whom we trust are believed, and limits hold.
func TestUpgradesAreRequests(t *testing.T) {
	w := start(t, 1, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			_, _ = io.WriteString(w, strings.Repeat("x", 5000))
			return
		}
		echo(w, r)
	}, "forwarded: {trust: [127.0.0.0/8]}\nroutes: [{path: /long, service: users, max_response: 1000}, {service: users}]")
	const ask = "GET %s HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6, 1.2.3.4\r\nX-Forwarded-Proto: https\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: %s\r\nHTTP2-Settings: AAMA\r\n\r\n"
	_, body := w.verbatim(t, fmt.Sprintf(ask, "/", "websocket"))
	if !strings.Contains(body, "X-Forwarded-For: 1.2.3.4, 127.0.0.1\r\n") || !strings.Contains(body, "X-Forwarded-Proto: https\r\n") || !strings.Contains(body, "Upgrade: websocket") {
		t.Errorf("the replica got\n%s", body)
	}
	if resp, body := w.verbatim(t, fmt.Sprintf(ask, "/long", "x")); resp.StatusCode != http.StatusBadGateway && !strings.Contains(body, "unexpected EOF") || len(body) > 1100 {
		t.Errorf("/long: %d with %d bytes, want 502, or that it breaks off", resp.StatusCode, len(body))
	}
	if resp, body := w.verbatim(t, fmt.Sprintf(ask, "/", "h2c")); resp.StatusCode != 200 || strings.Contains(body, "h2c") || strings.Contains(body, "AAMA") {
		t.Errorf("h2c: %d, the replica got\n%s", resp.StatusCode, body)
	}
}

// Over HTTP/2 replicas switch to no other protocol: a request that wants one is passed on without that, and is no fault of theirs.
func TestUpgradesWhereThereAreNone(t *testing.T) {
	w := start(t, 1, echo, "services: {users: {target: \"TARGET\", protocol: h2c, policy: {retry: {}, breaker: {failures: 1}}}}")
	resp, body := w.verbatim(t, "GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if resp.StatusCode != 200 || !strings.HasPrefix(body, "GET /x host=a ") || strings.Contains(body, "Upgrade") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// 405 says what would be taken (RFC 9110, 15.5.6).
func TestMethodsThatWouldBeTaken(t *testing.T) {
	w := start(t, 1, echo, `
routes:
  - {path: /a, method: [PUT, GET], service: users}
  - {path: /a, method: [DELETE, GET], header: {X-Admin: "*"}, service: users}
`)
	if resp, _ := w.do(t, "POST", "/a/b", ""); resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, PUT" {
		t.Errorf("%d, Allow: %s", resp.StatusCode, resp.Header.Get("Allow"))
	}
	if resp, _ := w.do(t, "POST", "/a", "", "X-Admin", "1"); resp.Header.Get("Allow") != "DELETE, GET, PUT" {
		t.Errorf("with X-Admin, Allow: %s", resp.Header.Get("Allow"))
	}
	if resp, _ := w.do(t, "POST", "/b", ""); resp.StatusCode != 404 || resp.Header.Get("Allow") != "" {
		t.Errorf("/b: %d, Allow: %s", resp.StatusCode, resp.Header.Get("Allow"))
	}
}

// What is removed is not replaced by a word of our own.
func TestWhatIsRemovedIsGone(t *testing.T) {
	w := start(t, 1, echo, "routes: [{service: users, rewrite: {request: {remove: [User-Agent]}}}]")
	if _, body := w.do(t, "GET", "/", "", "User-Agent", "me"); strings.Contains(body, "User-Agent") {
		t.Errorf("the replica got\n%s", body)
	}
	if _, body := w.verbatim(t, "GET / HTTP/1.0\r\n\r\n"); strings.Contains(body, "X-Forwarded-Host") {
		t.Errorf("without a Host, the replica got\n%s", body)
	}
}
