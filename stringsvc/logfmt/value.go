package logfmt

import (
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"
)

// appendValue appends a resolved value that is no group.
func appendValue(buf []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return appendText(buf, v.String())
	case slog.KindInt64:
		return strconv.AppendInt(buf, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(buf, v.Uint64(), 10)
	case slog.KindFloat64:
		return strconv.AppendFloat(buf, v.Float64(), 'g', -1, 64)
	case slog.KindBool:
		return strconv.AppendBool(buf, v.Bool())
	case slog.KindDuration:
		return append(buf, v.Duration().String()...)
	case slog.KindTime:
		return appendTime(buf, v.Time())
	default:
		return appendText(buf, text(v.Any()))
	}
}

// text is what an arbitrary value prints as; nil is "null". A method of v that
// panics becomes the text: a log line must not end the program.
func text(v any) (s string) {
	defer func() {
		switch p := recover(); {
		case p == nil:
		case isNilPointer(v):
			s = "null"
		default:
			s = fmt.Sprintf("!PANIC: %v", p)
		}
	}()
	switch v := v.(type) {
	case nil:
		return "null"
	case error:
		return v.Error()
	case encoding.TextMarshaler:
		b, err := v.MarshalText()
		if err != nil {
			return "!ERROR: " + err.Error()
		}
		return string(b)
	case []byte:
		return string(v)
	default:
		return fmt.Sprintf("%+v", v)
	}
}

func isNilPointer(v any) bool {
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

// appendTime appends t as RFC 3339 with exactly three digits after the point.
func appendTime(buf []byte, t time.Time) []byte {
	if y := t.Year(); y < 0 || y > 9999 {
		return appendText(buf, t.String()) // RFC 3339 has four digits for a year
	}
	// Only RFC3339Nano has a fast path in package time, but it drops trailing
	// zeros: a fourth digit that is never zero keeps the three before it.
	const digits = len("2006-01-02T15:04:05.000")
	n := len(buf)
	t = t.Truncate(time.Millisecond).Add(time.Millisecond / 10)
	buf = t.AppendFormat(buf, time.RFC3339Nano)
	return append(buf[:n+digits], buf[n+digits+1:]...)
}

// appendText appends s, quoted if it has to be.
func appendText(buf []byte, s string) []byte {
	if bare(s) {
		return append(buf, s...)
	}
	return strconv.AppendQuote(buf, s)
}

// appendKey appends s with '_' for what a key cannot hold, and for "".
func appendKey(buf []byte, s string) []byte {
	if s == "" {
		return append(buf, '_')
	}
	if bare(s) {
		return append(buf, s...)
	}
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if special(r, size) {
			buf = append(buf, '_')
		} else {
			buf = append(buf, s[i:i+size]...)
		}
		i += size
	}
	return buf
}

// bare reports whether s can stand without quotes.
func bare(s string) bool {
	for i := 0; i < len(s); {
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		if special(r, size) {
			return false
		}
		i += size
	}
	return true
}

// special reports whether a character, size bytes long, could be misread in a
// bare key or value.
func special(r rune, size int) bool {
	switch {
	case r < 0x7f:
		return r <= ' ' || r == '=' || r == '"'
	case r <= 0x9f: // DEL and C1
		return true
	case r == utf8.RuneError:
		return size == 1 // not UTF-8; U+FFFD itself has three bytes
	default:
		return r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
	}
}
