// Package logfmt provides a slog.Handler that writes one line of key=value
// pairs a record, and a buffered Writer to put under it.
//
//	time=2026-11-22T21:04:00.123Z method=count input=hello n=5 took=2.1µs
//	time=2026-11-22T21:04:00.123Z msg=HTTP addr=:8090
//	time=2026-11-22T21:04:00.123Z level=WARN msg="not all replies were sent"
//
// A value is written as it is unless that could be misread: one that holds a
// space, '=', a quote, a control character (DEL and C1 included), a character
// that ends a line or turns the direction of text, or bytes that are not UTF-8
// is quoted as a Go string ([strconv.Quote]); [strconv.Unquote] gives it back.
// An empty value is empty. In a key, such characters become '_'. So whatever
// is logged, a record is one line, and nothing in a value can pass for a key.
//
// A record without a message shows neither msg nor level, and a level below
// WARN is never shown: records without a message are facts, not events.
package logfmt
