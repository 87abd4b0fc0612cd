package stringsvc

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// defaultPath is where a replica answers unless its entry says otherwise.
const defaultPath = "/uppercase"

// ParseReplicas reads a comma-separated list of replicas and returns their
// URLs, normalised, in the same order. An entry is host:port, http://host or
// https://host, the latter two with or without a port, all with or without a
// path; spaces around it do not matter. "localhost:8080" becomes
// "http://localhost:8080/uppercase".
//
// Normalised means: scheme and host in lower case, IP addresses in their usual
// form, no port where it is the scheme's own, and /uppercase for an empty path
// or "/", which RFC 9110 §4.2.3 calls the same. The result, joined with
// commas, parses to itself. The empty list is nil. An error names the entry and
// its position, counted from 1.
func ParseReplicas(list string) ([]string, error) {
	if list == "" {
		return nil, nil
	}
	entries := strings.Split(list, ",")
	urls := make([]string, 0, len(entries))
	seen := make(map[string]int, len(entries))
	for i, entry := range entries {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			return nil, fmt.Errorf("entry %d is empty", i+1)
		}
		u, err := parseReplica(entry)
		if err != nil {
			return nil, fmt.Errorf("entry %d, %q: %w", i+1, entry, err)
		}
		if first, ok := seen[u]; ok {
			return nil, fmt.Errorf("entry %d, %q: the same as entry %d, %s", i+1, entry, first+1, u)
		}
		seen[u] = i
		urls = append(urls, u)
	}
	return urls, nil
}

// parseReplica returns the normalised URL of an entry that is not empty.
func parseReplica(entry string) (string, error) {
	if strings.ContainsFunc(entry, unicode.IsSpace) {
		return "", errors.New("holds a space, want commas between entries")
	}
	scheme, rest, found := strings.Cut(entry, "://")
	scheme = strings.ToLower(scheme)
	switch {
	case !found: // "httpd:8080" too
		scheme, rest = "http", entry
	case scheme != "http" && scheme != "https":
		return "", fmt.Errorf("scheme %q, want http or https", scheme)
	}
	if strings.ContainsAny(rest, "?#") {
		return "", errors.New("holds a query or fragment, want none")
	}
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without a URL the entry does not show
		}
		return "", err
	}
	if u.User != nil {
		return "", errors.New("holds a user, want none")
	}
	if u.Host, err = authority(u, found); err != nil {
		return "", err
	}
	if u.Path == "" || u.Path == "/" {
		u.Path, u.RawPath = defaultPath, ""
	}
	if strings.Contains(u.Path, ",") { // written %2C, and to stay so
		u.RawPath = strings.ReplaceAll(u.EscapedPath(), ",", "%2C")
	}
	return u.String(), nil
}

// authority returns the normalised host and port of u. Only an entry that
// names a scheme may leave its port to it.
func authority(u *url.URL, hasScheme bool) (string, error) {
	host, port := u.Hostname(), u.Port()
	switch {
	case port == "" && (!hasScheme || strings.HasSuffix(u.Host, ":")):
		return "", errors.New("no port, want host:port")
	case host == "":
		return "", errors.New("no host, want host:port")
	}
	ip, err := netip.ParseAddr(host)
	switch bracketed := strings.HasPrefix(u.Host, "["); {
	case err == nil && bracketed == ip.Is6():
		host = ip.String() // keeps the case of a zone
	case bracketed || !isName(strings.ToLower(host)):
		return "", fmt.Errorf("invalid host %q", host)
	default:
		host = strings.ToLower(host)
	}
	if ip.Is6() {
		host = "[" + host + "]"
	}
	if port == "" {
		return host, nil
	}
	n, err := strconv.ParseUint(port, 10, 64)
	if err != nil || n < 1 || n > 65535 {
		return "", fmt.Errorf("port %s, want 1..65535", port)
	}
	if n == 80 && u.Scheme == "http" || n == 443 && u.Scheme == "https" {
		return host, nil
	}
	return host + ":" + strconv.FormatUint(n, 10), nil
}

// isName reports whether host can be looked up: letters, digits, '-' and '_'
// between dots, not a number last, as that is an IP address with a mistake. A
// name in another script has to be in its xn-- form.
func isName(host string) bool {
	if len(host) > 253 {
		return false
	}
	number := false
	for label := range strings.SplitSeq(strings.TrimSuffix(host, "."), ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
		number = strings.Trim(label, "0123456789") == ""
	}
	return !number
}
