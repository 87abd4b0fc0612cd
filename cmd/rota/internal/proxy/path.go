package proxy

import (
	"net/http"
	"net/url"
	"strings"
)

// refusal says why a request is not passed on, wherever it would go.
func refusal(r *http.Request) (status int, why string) {
	path := r.URL.Path
	switch {
	case r.Method == http.MethodConnect:
		return http.StatusMethodNotAllowed, "CONNECT is for forward proxies"
	case path == "" && r.URL.Host != "":
		r.URL.Path = "/" // GET http://name is GET http://name/ (RFC 9110, 4.2.3)
	case path == "" || path[0] != '/':
		return http.StatusBadRequest, "the path does not begin with /"
	case dotted(path):
		return http.StatusBadRequest, "the path has . or .. in it" // what it fits here, it might not fit there
	case strings.IndexByte(path, 0) >= 0:
		return http.StatusBadRequest, "the path has a zero byte in it" // where some programs believe that it ends
	}
	return 0, ""
}

// dotted reports whether a segment of the path is . or .., for any server: to some, \ is a /, and some leave out what
// comes after a semicolon before they look.
func dotted(path string) bool {
	for i := 0; ; i++ {
		next := strings.IndexByte(path[i:], '.')
		if next < 0 {
			return false
		}
		if i += next; i > 0 && path[i-1] != '/' && path[i-1] != '\\' {
			continue
		}
		end := i + 1
		if end < len(path) && path[end] == '.' {
			end++
		}
		if end == len(path) || strings.IndexByte(`/\;`, path[end]) >= 0 {
			return true
		}
	}
}

// rewritePath changes the path of u to what replicas see. What is escaped in it stays so.
func (rt *route) rewritePath(u *url.URL) {
	w := &rt.spec.Rewrite
	prefix := strings.TrimSuffix(w.StripPrefix, "/")
	if prefix != "" && fitsPath(prefix, u.Path) {
		if u.RawPath != "" {
			u.RawPath = rooted(rawAfter(u.RawPath, len(prefix)))
		}
		u.Path = rooted(u.Path[len(prefix):])
	}
	if w.AddPrefix != "" {
		add := &url.URL{Path: strings.TrimSuffix(w.AddPrefix, "/")}
		if u.RawPath != "" {
			u.RawPath = add.EscapedPath() + u.RawPath
		}
		u.Path = add.Path + u.Path
	}
}

func rooted(path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return "/" + path
}

// rawAfter returns what is left of an escaped path after n bytes of what it stands for. If that begins
// with a /, this one is not escaped.
func rawAfter(raw string, n int) string {
	i := 0
	for ; n > 0 && i < len(raw); n-- {
		if raw[i] == '%' {
			i += 2
		}
		i++
	}
	raw = raw[min(i, len(raw)):]
	if len(raw) > 2 && strings.EqualFold(raw[:3], "%2F") {
		raw = "/" + raw[3:]
	}
	return raw
}
