package stringsvc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// errTooLarge says that a body has more bytes than allowed.
var errTooLarge = errors.New("body too large")

// readBody reads the whole body of r into buf's memory and returns it. A body
// of more than limit bytes is errTooLarge: at once if its length is declared,
// else when limit+1 bytes were read.
func readBody(buf []byte, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return buf, errTooLarge
	}
	buf = buf[:0]
	for {
		if len(buf) == cap(buf) {
			// Grown by what came, not by what was declared: a caller must
			// send a megabyte to make us hold one.
			buf = append(buf, 0)[:len(buf)]
		}
		room := min(int64(cap(buf)), limit+1)
		n, err := r.Body.Read(buf[len(buf):room])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > limit:
			return buf, errTooLarge
		case err == io.EOF:
			return buf, nil
		case err == io.ErrUnexpectedEOF && r.ContentLength > 0:
			return buf, fmt.Errorf("body ends after %d of %d bytes", len(buf), r.ContentLength)
		case err != nil:
			return buf, fmt.Errorf("body breaks off after %d bytes: %w", len(buf), err)
		}
	}
}

// decode returns the "s" of a request body, the empty string if it has none.
// What encoding/json forgives is forgiven: other fields, "S" for "s", a field
// given twice (the last counts), and invalid UTF-8, which becomes U+FFFD. The
// error says what is wrong with the body, and where.
func decode(body []byte) (string, error) {
	var s string
	request := struct{ S *string }{&s} // null makes it nil, a missing field leaves it
	err := json.Unmarshal(body, &request)
	// Unmarshal takes a null for an object, and a number needs no braces.
	if err == nil && request.S != nil && body[skipSpace(body, 0)] == '{' {
		return *request.S, nil
	}
	return "", diagnose(body, err)
}

// diagnose says what is wrong with a body for which Unmarshal returned err.
func diagnose(body []byte, err error) error {
	start := skipSpace(body, 0)
	if start == len(body) {
		return errors.New(`body is empty, want {"s":"..."}`)
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		var value json.RawMessage
		if json.NewDecoder(bytes.NewReader(body)).Decode(&value) == io.ErrUnexpectedEOF {
			return fmt.Errorf("%s: unexpected end of JSON", place(body, len(body)))
		}
		return fmt.Errorf("%s: %w", place(body, int(e.Offset)-1), e) // Offset is behind the culprit
	}
	if body[start] != '{' {
		return fmt.Errorf("%s: body is %s, want an object", place(body, start), kind(body[start]))
	}
	d := json.NewDecoder(bytes.NewReader(body))
	_, _ = d.Token() // the brace; body is valid JSON, so nothing fails from here on
	for d.More() {
		name, _ := d.Token()
		at := skipSpace(body, int(d.InputOffset()))
		at = skipSpace(body, at+len(":"))
		if s, ok := name.(string); ok && strings.EqualFold(s, "s") && body[at] != '"' {
			return fmt.Errorf(`%s: "s" is %s, want a string`, place(body, at), kind(body[at]))
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
	}
	return err
}

// kind names the JSON type of the value that begins with c.
func kind(c byte) string {
	switch c {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	default:
		return "a number"
	}
}

// skipSpace returns the offset of the first byte at or after i that is not
// JSON's white space.
func skipSpace(body []byte, i int) int {
	for i < len(body) && (body[i] == ' ' || body[i] == '\t' || body[i] == '\r' || body[i] == '\n') {
		i++
	}
	return i
}

// place names the byte at offset: lines and columns count from 1, columns in
// bytes.
func place(body []byte, offset int) string {
	before := body[:min(max(offset, 0), len(body))]
	line := 1 + bytes.Count(before, []byte{'\n'})
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("line %d, column %d", line, column)
}
