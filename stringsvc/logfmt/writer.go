package logfmt

import (
	"io"
	"sync"
	"time"
)

const (
	// bufferSize is how much a Writer holds before a Write has to wait for the
	// destination.
	bufferSize = 64 << 10
	// maxDelay is how long a line may stay in the buffer.
	maxDelay = 200 * time.Millisecond
)

// Writer collects lines and writes many of them at once: 200 ms after the
// first of them came, when 64 KiB are full, at Flush and at Close. It is safe
// for concurrent use. No line is lost, split or moved: when the destination is
// slower than the log, Write waits for it.
type Writer struct {
	delays sync.WaitGroup // delayed flushes that are pending or running

	writing sync.Mutex // orders writes to out; locked before mu
	out     io.Writer
	spare   []byte // becomes the next lines
	torn    bool   // the last write ended inside a line

	mu     sync.Mutex // never held across a write
	lines  []byte
	delay  *time.Timer // nil until the first line
	armed  bool        // delay is pending
	closed bool
	err    error // of the first write that failed
}

// NewWriter returns a Writer to out, which stays the caller's to close and is
// never called concurrently.
func NewWriter(out io.Writer) *Writer {
	return &Writer{
		out:   out,
		lines: make([]byte, 0, bufferSize),
		spare: make([]byte, 0, bufferSize),
	}
}

// Write takes line, which must be whole and end with a newline. The error is
// always nil: Flush and Close report that of the destination. After Close it
// writes at once and returns that error.
func (w *Writer) Write(line []byte) (int, error) {
	w.mu.Lock()
	for len(w.lines) > 0 && len(w.lines)+len(line) > bufferSize {
		w.mu.Unlock()
		_ = w.Flush() // kept for Close
		w.mu.Lock()
	}
	w.lines = append(w.lines, line...)
	closed := w.closed
	if !closed && !w.armed {
		w.armLocked()
	}
	w.mu.Unlock()
	if closed {
		if err := w.Flush(); err != nil {
			return 0, err
		}
	}
	return len(line), nil
}

// Flush writes what was collected before the call and returns when that is
// done. When a write fails, the lines in it that did not get through are
// dropped, so that a full disk costs its own lines and not the later ones.
func (w *Writer) Flush() error {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.mu.Lock()
	lines := w.lines
	w.lines = w.spare
	w.mu.Unlock()
	w.spare = lines[:0]
	if cap(lines) > 2*bufferSize { // grown for one huge line
		w.spare = make([]byte, 0, bufferSize)
	}
	if len(lines) == 0 {
		return nil
	}
	err := w.writeOut(lines)
	if err != nil {
		w.mu.Lock()
		if w.err == nil {
			w.err = err
		}
		w.mu.Unlock()
	}
	return err
}

// Close flushes, and waits for a flush that runs. The error is that of the
// first write that failed, also one before Close.
func (w *Writer) Close() error {
	w.mu.Lock()
	w.closed = true
	if w.armed && w.delay.Stop() {
		w.armed = false
		w.delays.Done()
	}
	w.mu.Unlock()
	_ = w.Flush() // in w.err
	w.delays.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// armLocked has the lines flushed after maxDelay.
func (w *Writer) armLocked() {
	w.armed = true
	w.delays.Add(1)
	if w.delay == nil {
		w.delay = time.AfterFunc(maxDelay, w.delayed)
		return
	}
	w.delay.Reset(maxDelay)
}

func (w *Writer) delayed() {
	defer w.delays.Done()
	w.mu.Lock()
	w.armed = false // before the flush: a line that comes during it needs a delay of its own
	w.mu.Unlock()
	_ = w.Flush() // kept for Close
}

// writeOut gives lines to the destination, on a fresh line if the last write
// stopped inside one.
func (w *Writer) writeOut(lines []byte) error {
	if w.torn {
		if _, err := w.out.Write([]byte{'\n'}); err != nil {
			return err
		}
		w.torn = false
	}
	n, err := w.out.Write(lines)
	if err == nil && n < len(lines) {
		err = io.ErrShortWrite
	}
	if 0 < n && n < len(lines) {
		w.torn = lines[n-1] != '\n'
	}
	return err
}
