package conformance

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
)

var requestCases = []testCase{
	{"unmodified", onAll, contract, requestUnmodified},
	{"unmodified-after-failure", onAll, contract, requestUnmodifiedAfterFailure},
	{"only-read", onAll, contract, requestOnlyRead},
	{"reused", onAll, contract, requestReused},
	{"as-given", onAll, contract, requestAsGiven},
	{"host", onAll, contract, requestHost},
	{"header", onAll, contract, requestHeader},
	{"user-agent-suppressed", onAll, custom, requestUserAgent},
	{"big-header", onAll, contract, requestBigHeader},
	{"background-context", onAll, contract, requestBackground},
}

// snapshot is a request as it was. Funcs and bodies are compared by identity.
type snapshot struct {
	req           http.Request
	url           url.URL
	header, trail http.Header
	getBody       uintptr
}

func snap(req *http.Request) snapshot {
	s := snapshot{req: *req, header: req.Header.Clone(), trail: req.Trailer.Clone()}
	if req.URL != nil {
		s.url = *req.URL
	}
	s.getBody = reflect.ValueOf(req.GetBody).Pointer()
	return s
}

// changed says what is different about the request now; "" = nothing.
func (s snapshot) changed(req *http.Request) string {
	now := snap(req)
	switch {
	case s.req.URL != now.req.URL:
		return "URL is another pointer"
	case !reflect.DeepEqual(s.url, now.url):
		return fmt.Sprintf("URL was %+v, is %+v", s.url, now.url)
	case !reflect.DeepEqual(s.header, now.header):
		return fmt.Sprintf("Header was %v, is %v", s.header, now.header)
	case !slices.Equal(slices.Sorted(maps.Keys(s.trail)), slices.Sorted(maps.Keys(now.trail))):
		return fmt.Sprintf("Trailer was %v, is %v", s.trail, now.trail)
	case s.req.Body != now.req.Body:
		return "Body is another one"
	case s.getBody != now.getBody:
		return "GetBody is another one"
	case s.req.Context() != now.req.Context():
		return "the context is another one"
	}
	old := s.req
	old.GetBody, now.req.GetBody = nil, nil // funcs are not equal to themselves
	if !reflect.DeepEqual(old, now.req) {
		return fmt.Sprintf("it was %+v, is %+v", old, now.req)
	}
	return ""
}

// full is a request with all that can be set.
func (e *env) full(method, path string) *http.Request {
	req := e.request(method, path+"?q=a%20b&q=c;d#fragment", nil)
	replayable(req, "what is sent")
	req.URL.User = url.UserPassword("user", "secret")
	req.Host = "other.test"
	req.Header = http.Header{"X-Key": {"a", "b"}, "x-lower": {"c"}, "X-Empty": {""}, "Accept": {"text/plain"}}
	return req
}

// shapes are requests that look different to a RoundTripper.
func (e *env) shapes() map[string]*http.Request {
	get := e.request("GET", "/get", nil)
	noHeader := e.request("GET", "/plain", nil)
	noHeader.Method, noHeader.Host = "", ""
	stream := e.full("POST", "/stream")
	stream.Body, stream.GetBody, stream.ContentLength = text("what is sent"), nil, -1
	trailer := e.full("POST", "/trailer")
	trailer.Body, trailer.GetBody, trailer.ContentLength = text("what is sent"), nil, -1
	trailer.Trailer = http.Header{"X-Sum": nil}
	closing := e.full("PUT", "/close")
	closing.Close = true
	expect := e.full("PUT", "/expect")
	expect.Header.Set("Expect", "100-continue")
	return map[string]*http.Request{
		"GET": get, "a method and Host of \"\"": noHeader, "all of it": e.full("PUT", "/all"), "a stream": stream,
		"a trailer": trailer, "Close": closing, "Expect": expect,
	}
}

// RoundTrip should not modify the request, except for consuming and closing the Request's Body.
func requestUnmodified(e *env) {
	e.serve(echo)
	for name, req := range e.shapes() {
		before := snap(req)
		resp := e.must(req)
		if diff := before.changed(req); diff != "" {
			e.Errorf("%s: RoundTrip modified the request: %s", name, diff)
		}
		if _, err := e.read(resp); err != nil {
			e.Errorf("%s: %v", name, err)
		}
		if diff := before.changed(req); diff != "" {
			e.Errorf("%s: the request was modified by the time that the reply was read: %s", name, diff)
		}
	}
}

func requestUnmodifiedAfterFailure(e *env) {
	ended, cancel := context.WithCancel(e.Context())
	cancel()
	e.serve(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for name, req := range e.shapes() {
		before := snap(req)
		e.fails(req)
		if diff := before.changed(req); diff != "" {
			e.Errorf("%s: a RoundTrip that failed modified the request: %s", name, diff)
		}
		req = req.WithContext(ended)
		before = snap(req)
		e.fails(req)
		if diff := before.changed(req); diff != "" {
			e.Errorf("%s, cancelled: a RoundTrip that failed modified the request: %s", name, diff)
		}
	}
}

// Callers may read a request while it is under way, and several requests may share a URL and headers. A write shows
// under the race detector, and as a difference without it.
func requestOnlyRead(e *env) {
	e.serve(echo)
	first := e.full("PUT", "/shared")
	before := snap(first)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	readers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_ = before.changed(first)
			}
		}
	})
	pending := make([]<-chan answer, 8)
	for i := range pending {
		req := *first
		replayable(&req, "what is sent")
		pending[i] = e.start(&req)
	}
	for _, c := range pending {
		resp, err := e.end(c)
		if err != nil {
			e.Error(err)
			continue
		}
		e.read(resp)
	}
	close(stop)
	readers.Wait()
	if diff := before.changed(first); diff != "" {
		e.Errorf("requests that share a URL and headers were modified: %s", diff)
	}
}

// A request may be changed and sent again once the body of its reply has been closed.
func requestReused(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", r.Header.Get("X-Round"), body)
	})
	req := e.request("PUT", "/", nil)
	for i := range 5 {
		round := fmt.Sprint(i)
		req.Header.Set("X-Round", round)
		body := replayable(req, "body "+round)
		resp := e.must(req)
		resp.Header.Set("X-Round", "of the reply")
		if got, err := e.read(resp); got != round+" body "+round || err != nil {
			e.Errorf("round %d: the reply is %q, %v", i, got, err)
		}
		e.closed(body)
		if got := req.Header.Get("X-Round"); got != round {
			e.Errorf("round %d: the reply's header is the request's", i)
		}
	}
}

func requestAsGiven(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Seen", r.Method+" "+r.RequestURI) })
	tests := []struct{ method, url, want string }{
		{"GET", "/", "GET /"},
		{"", "/", "GET /"},
		{"GET", "", "GET /"},
		{"DELETE", "/a/b?c=d&e", "DELETE /a/b?c=d&e"},
		{"PURGE", "/a%2Fb%20c", "PURGE /a%2Fb%20c"},
		{"PATCH", "/?", "PATCH /?"},
		{"OPTIONS", "/a;b=c/../d//e/", "OPTIONS /a;b=c/../d//e/"},
		{"GET", "/%E4%B8%96?q=%E7%95%8C#part", "GET /%E4%B8%96?q=%E7%95%8C"},
	}
	for _, test := range tests {
		req := e.request("GET", test.url, nil)
		req.Method = test.method
		resp := e.must(req)
		e.read(resp)
		if got := resp.Header.Get("X-Seen"); got != test.want {
			e.Errorf("%q %q arrives as %q, want %q", test.method, test.url, got, test.want)
		}
	}
}

// The Host is that of the request, then that of its URL, and never the address of the connection.
func requestHost(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) })
	req := e.request("GET", "/", nil)
	req.Host = ""
	if got := e.fetch(req); got != host {
		e.Errorf("without a Host: %q arrives, want %q", got, host)
	}
	req = e.request("GET", "/", nil)
	req.Host = "other.test:81"
	if got := e.fetch(req); got != "other.test:81" {
		e.Errorf("with a Host: %q arrives, want %q", got, "other.test:81")
	}
}

func requestHeader(e *env) {
	got := make(chan http.Header, 1)
	e.serve(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header.Clone() })
	req := e.request("GET", "/", nil)
	req.Header = http.Header{
		"X-Many": {"one", "two, three", "four"}, "X-Empty": {""}, "X-Utf8": {"世界"}, "Cookie": {"a=b"},
		"User-Agent": {"conformance/1"}, "Accept-Encoding": {"identity"}, "Te": {"trailers"}, "X-None": {},
	}
	e.read(e.must(req))
	arrived := wait(e, got, "the request to arrive")
	for key, want := range req.Header {
		if !slices.Equal(arrived[key], want) {
			e.Errorf("%s: %q arrives, want %q", key, arrived[key], want)
		}
	}
}

// A User-Agent of "" asks for none.
func requestUserAgent(e *env) {
	got := make(chan http.Header, 1)
	e.serve(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header.Clone() })
	req := e.request("GET", "/", nil)
	req.Header["User-Agent"] = []string{""}
	e.read(e.must(req))
	if agent, ok := wait(e, got, "the request to arrive")["User-Agent"]; ok {
		e.Errorf("a User-Agent of %q arrives, want none", agent)
	}
}

// A head that is longer than any buffer, and than a frame of HTTP/2.
func requestBigHeader(e *env) {
	e.serve(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("X-Big")) })
	req := e.request("GET", "/", nil)
	want := payload(100_000)
	req.Header.Set("X-Big", want)
	if got := e.fetch(req); got != want {
		e.Errorf("%d bytes of a header arrive, want %d", len(got), len(want))
	}
	req.Header.Del("X-Big")
	for i := range 500 {
		req.Header.Set(fmt.Sprintf("X-Key-%d", i), strings.Repeat("v", i))
	}
	if got := e.fetch(req); got != "" {
		e.Errorf("a header of the last request came back: %q", brief(got))
	}
}

// A context that cannot end.
func requestBackground(e *env) {
	e.serve(seen)
	for i := range 3 {
		path := fmt.Sprintf("/%d", i)
		if got := e.fetch(e.requestWith(context.Background(), "GET", path, nil)); got != path {
			e.Errorf("the reply is %q, want %q", got, path)
		}
	}
}
