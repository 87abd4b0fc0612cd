package logfmt

import (
	"context"
	"io"
	"log/slog"
	"sync"
)

// Handler is a [slog.Handler] that writes logfmt. It takes records of level
// INFO and above, ignores their source position, and joins the names of groups
// to their keys with dots. It is safe for concurrent use.
type Handler struct {
	w      io.Writer
	lines  *sync.Pool // of *[]byte
	prefix string     // names of the open groups, each with its dot
	attrs  []byte     // what WithAttrs gave, formatted, each with a space before it
}

// NewHandler returns a Handler that gives every record to w as one Write of
// one line. w must be safe for concurrent use, as [Writer] and *os.File are.
func NewHandler(w io.Writer) *Handler {
	return &Handler{
		w:     w,
		lines: &sync.Pool{New: func() any { return new(make([]byte, 0, 512)) }},
	}
}

// Enabled implements [slog.Handler].
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}

// Handle implements [slog.Handler]. The error is that of the Write.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	line := h.lines.Get().(*[]byte)
	buf := (*line)[:0]
	if !r.Time.IsZero() {
		buf = append(buf, " time="...)
		buf = appendTime(buf, r.Time)
	}
	if r.Message != "" {
		if r.Level >= slog.LevelWarn {
			buf = append(buf, " level="...)
			buf = append(buf, r.Level.String()...)
		}
		buf = append(buf, " msg="...)
		buf = appendText(buf, r.Message)
	}
	buf = append(buf, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		buf = appendAttr(buf, h.prefix, a)
		return true
	})
	buf = append(buf, '\n')
	// Every pair begins with a space; that of the first is not wanted.
	out := buf
	if out[0] == ' ' {
		out = out[1:]
	}
	_, err := h.w.Write(out)
	if cap(buf) <= 16<<10 { // one huge line must not stay in memory for good
		*line = buf
		h.lines.Put(line)
	}
	return err
}

// WithAttrs implements [slog.Handler].
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.attrs = h.attrs[:len(h.attrs):len(h.attrs)] // siblings share it: append must copy
	for _, a := range attrs {
		with.attrs = appendAttr(with.attrs, h.prefix, a)
	}
	return &with
}

// WithGroup implements [slog.Handler].
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	with := *h
	with.prefix = h.prefix + string(appendKey(nil, name)) + "."
	return &with
}

// appendAttr appends " key=value", for a group one such pair a member, and
// nothing for an empty attribute or group.
func appendAttr(buf []byte, prefix string, a slog.Attr) []byte {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += string(appendKey(nil, a.Key)) + "."
		}
		for _, member := range value.Group() {
			buf = appendAttr(buf, prefix, member)
		}
		return buf
	}
	if a.Key == "" && value.Equal(slog.Value{}) {
		return buf
	}
	buf = append(buf, ' ')
	buf = append(buf, prefix...)
	buf = appendKey(buf, a.Key)
	buf = append(buf, '=')
	return appendValue(buf, value)
}
