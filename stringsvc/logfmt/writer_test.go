package logfmt_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-go/rota/stringsvc/logfmt"
)

func ExampleNewWriter() {
	w := logfmt.NewWriter(os.Stdout)
	defer w.Close() // or what came last is not written
	_, _ = w.Write([]byte("msg=HTTP addr=:8090\n"))
	// Output: msg=HTTP addr=:8090
}

// sink records every write, and can fail or stop.
type sink struct {
	mu     sync.Mutex
	writes []string
	short  int   // how much of the next write that fails gets through
	err    error // of the next write
	gate   chan struct{}
}

func (s *sink) Write(p []byte) (int, error) {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.err; err != nil {
		s.writes = append(s.writes, string(p[:s.short]))
		s.err = nil
		return s.short, err
	}
	s.writes = append(s.writes, string(p))
	return len(p), nil
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.writes)
}

func (s *sink) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.writes, "")
}

func TestLinesAreWrittenTogetherAndSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		w := logfmt.NewWriter(out)
		for round := range 3 {
			_, _ = w.Write([]byte("a\n"))
			time.Sleep(100 * time.Millisecond)
			_, _ = w.Write([]byte("b\n"))
			synctest.Wait()
			if got := out.count(); got != round {
				t.Fatalf("%d writes after 100 ms of round %d, want %d", got, round, round)
			}
			time.Sleep(101 * time.Millisecond)
			synctest.Wait()
			if got, want := out.text(), strings.Repeat("a\nb\n", round+1); got != want || out.count() != round+1 {
				t.Fatalf("%d writes, %q after 201 ms, want %d, %q", out.count(), got, round+1, want)
			}
			time.Sleep(time.Hour)
		}
		if err := w.Close(); err != nil || out.count() != 3 {
			t.Errorf("Close() = %v after %d writes, want nil after 3", err, out.count())
		}
	})
}

func TestCloseWritesWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		w := logfmt.NewWriter(out)
		_, _ = w.Write([]byte("a\n"))
		if err := w.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
		if got := out.text(); got != "a\n" {
			t.Errorf("wrote %q, want %q", got, "a\n")
		}
		_, _ = w.Write([]byte("late\n"))
		if got := out.text(); got != "a\nlate\n" {
			t.Errorf("wrote %q after Close, want %q", got, "a\nlate\n")
		}
		if err := w.Close(); err != nil {
			t.Errorf("second Close() = %v", err)
		}
	}) // which fails if the delay still runs
}

func TestFlushWritesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		w := logfmt.NewWriter(out)
		defer w.Close()
		_, _ = w.Write([]byte("a\n"))
		if err := w.Flush(); err != nil || out.text() != "a\n" {
			t.Errorf("Flush() = %v, wrote %q, want nil, %q", err, out.text(), "a\n")
		}
		if err := w.Flush(); err != nil || out.count() != 1 {
			t.Errorf("Flush() of nothing = %v, %d writes, want nil, 1", err, out.count())
		}
	})
}

func TestFullBufferIsWrittenWithoutWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		w := logfmt.NewWriter(out)
		line := []byte(strings.Repeat("x", 1023) + "\n")
		for range 640 {
			_, _ = w.Write(line)
		}
		if got := out.count(); got != 9 { // the tenth is still in the buffer
			t.Errorf("%d writes of 64 KiB, want 9", got)
		}
		huge := []byte(strings.Repeat("y", 300<<10) + "\n")
		_, _ = w.Write(huge)
		_, _ = w.Write([]byte("z\n"))
		if err := w.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
		if want := strings.Repeat(string(line), 640) + string(huge) + "z\n"; out.text() != want {
			t.Errorf("wrote %d bytes, not the %d that were logged", len(out.text()), len(want))
		}
	})
}

func TestSlowDestinationDelaysNobodyUntilTheBufferIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{gate: make(chan struct{})}
		w := logfmt.NewWriter(out)
		_, _ = w.Write([]byte("a\n"))
		time.Sleep(time.Second)       // the delayed flush hangs in out now
		_, _ = w.Write([]byte("b\n")) // would be a deadlock if it waited
		close(out.gate)
		if err := w.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
		if got := out.text(); got != "a\nb\n" {
			t.Errorf("wrote %q, want %q", got, "a\nb\n")
		}
	})
}

func TestFailedWriteCostsNoLaterLine(t *testing.T) {
	full := errors.New("disk full")
	tests := []struct {
		name    string
		through string // what of the failing write gets through
		want    string
	}{
		{name: "nothing got through", want: "later\n"},
		{name: "part of a line did", through: "first\ns", want: "first\ns\nlater\n"},
		{name: "one line did", through: "first\n", want: "first\nlater\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := &sink{err: full, short: len(tt.through)}
				w := logfmt.NewWriter(out)
				_, _ = w.Write([]byte("first\n"))
				_, _ = w.Write([]byte("second\n"))
				time.Sleep(time.Hour) // a writer that spins never gets there
				if got := out.count(); got != 1 {
					t.Fatalf("%d writes after one failed, want 1", got)
				}
				if _, err := w.Write([]byte("later\n")); err != nil {
					t.Errorf("Write() = %v", err)
				}
				if err := w.Close(); !errors.Is(err, full) {
					t.Errorf("Close() = %v, want %v", err, full)
				}
				if got := out.text(); got != tt.want {
					t.Errorf("wrote %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestShortWriteIsAnError(t *testing.T) {
	w := logfmt.NewWriter(shortWriter{})
	_, _ = w.Write([]byte("a\n"))
	if err := w.Flush(); err != io.ErrShortWrite {
		t.Errorf("Flush() = %v, want %v", err, io.ErrShortWrite)
	}
	if err := w.Close(); err != io.ErrShortWrite {
		t.Errorf("Close() = %v, want %v", err, io.ErrShortWrite)
	}
	if _, err := w.Write([]byte("b\n")); err != io.ErrShortWrite {
		t.Errorf("Write() after Close = %v, want %v", err, io.ErrShortWrite)
	}
}

type shortWriter struct{}

func (shortWriter) Write(p []byte) (int, error) { return len(p) - 1, nil }

func TestNoLineIsLostOrMovedUnderLoad(t *testing.T) {
	var out bytes.Buffer // never written concurrently, or -race says so
	w := logfmt.NewWriter(&out)
	const writers, lines = 4, 5000
	var wg sync.WaitGroup
	for id := range writers {
		wg.Go(func() {
			for n := range lines {
				line := []byte{byte('A' + id), byte(n >> 8), byte(n), '\n'}
				_, _ = w.Write(append([]byte(strings.Repeat("x", 60)), line...))
				if n%1000 == 0 {
					_ = w.Flush()
				}
			}
		})
	}
	wg.Wait()
	if err := w.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	next := [writers]int{}
	b := out.Bytes()
	for ; len(b) >= 64; b = b[64:] {
		id, n := int(b[60]-'A'), int(b[61])<<8|int(b[62])
		if n != next[id] {
			t.Fatalf("line %d of writer %d came where %d was due", n, id, next[id])
		}
		next[id]++
	}
	for id, n := range next {
		if n != lines || len(b) != 0 {
			t.Errorf("writer %d: %d lines, want %d", id, n, lines)
		}
	}
}

func BenchmarkWriter(b *testing.B) {
	w := logfmt.NewWriter(io.Discard)
	defer w.Close()
	line := []byte("time=2026-11-22T21:04:00.123Z method=uppercase input=hello output=HELLO err=null took=1.6164ms\n")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _ = w.Write(line)
		}
	})
}
