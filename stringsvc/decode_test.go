package stringsvc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rota-go/rota/stringsvc"
)

// FuzzRequest checks that any body is understood or refused with its place,
// and that what is understood is what encoding/json makes of it.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		``, ` `, `{}`, `{"s":"hello"}`, `{"s":""}`, `{"s":null}`, `null`, `{"s":5}`, `[1]`, `"s"`, `{"s":"a"} x`, `{"s":"a"}{}`,
		`{"s":`, `{"s":"\ud800"}`, "{\"s\":\"\xff\"}", `{"S":"a","s":null}`, `{"s":null,"s":"a"}`, `{"t":{"s":1},"s":"a"}`,
		"{\n\"s\"\n:\n1}", `{"s":"<"}`, `{"s":1e999}`, `{"ſ":1}`, "\ufeff{}", `{"s":nul`,
	} {
		f.Add([]byte(s))
	}
	placed := regexp.MustCompile(`^line ([0-9]+), column ([0-9]+): .`)
	f.Fuzz(func(t *testing.T, body []byte) {
		var got string
		w := httptest.NewRecorder()
		stringsvc.NewHandler(stringsvc.HandlerParams{Service: fake{count: func(_ context.Context, s string) int {
			got = s
			return len(s)
		}}}).ServeHTTP(w, httptest.NewRequest("POST", "/count", bytes.NewReader(body)))
		var reply struct {
			V   *int
			Err string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
			t.Fatalf("reply %q: %v", w.Body, err)
		}
		if want, sure := reference(body); sure && (w.Code == 200) != (want != nil) {
			t.Fatalf("%q: %d %s, want a string: %v", body, w.Code, w.Body, want != nil)
		} else if sure && want != nil && got != *want {
			t.Fatalf("%q: s = %q, want %q", body, got, *want)
		}
		if w.Code == 200 {
			if reply.V == nil || *reply.V != len(got) || reply.Err != "" {
				t.Errorf("%q: 200 %s, want %d", body, w.Body, len(got))
			}
			return
		}
		if w.Code != 400 || reply.V != nil {
			t.Fatalf("%q: %d %s, want 400 with err alone", body, w.Code, w.Body)
		}
		if strings.HasPrefix(reply.Err, "body is empty") {
			return
		}
		place := placed.FindStringSubmatch(reply.Err)
		if place == nil {
			t.Fatalf("%q: err %q names no place", body, reply.Err)
		}
		line, _ := strconv.Atoi(place[1])
		column, _ := strconv.Atoi(place[2])
		lines := bytes.Split(body, []byte("\n"))
		if line < 1 || line > len(lines) || column < 1 || column > len(lines[line-1])+1 {
			t.Errorf("%q: err %q, which is not in the body", body, reply.Err)
		}
	})
}

// reference returns the "s" of a body, nil if it has to be refused; it is not
// sure where the body spells that name in several ways.
func reference(body []byte) (s *string, sure bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil || members == nil {
		return nil, true
	}
	if bytes.Count(bytes.ToLower(body), []byte("s")) > 1 || !bytes.Contains(body, []byte(`"s"`)) {
		return nil, false // the name may be there twice, or written "S", "ſ" or "\u0073"
	}
	raw, ok := members["s"]
	if !ok {
		return new(""), true
	}
	if raw[0] != '"' {
		return nil, true
	}
	s = new(string)
	return s, json.Unmarshal(raw, s) == nil
}
