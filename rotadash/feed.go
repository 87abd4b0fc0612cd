package rotadash

import (
	"bytes"
	"encoding/json"
	"sync"
)

// How far a stream may be behind. One that is further gets the whole state again.
const (
	keptFrames = 64
	keptBytes  = 4 << 20
)

// feed is what is pushed to everybody who watches, encoded once.
type feed struct {
	mu     sync.Mutex
	frames [keptFrames][]byte
	first  uint64 // that is kept
	next   uint64
	bytes  int           // of those kept
	more   chan struct{} // closed when there is another frame
}

// publish pushes one event of the stream. id = "" leaves the reader's where it was.
func (f *feed) publish(event, id string, payload any) {
	b, err := frame(event, id, payload)
	if err != nil {
		return // cannot happen: nothing in a payload refuses to be JSON
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.next > f.first && (f.next-f.first == keptFrames || f.bytes+len(b) > keptBytes) {
		f.bytes -= len(f.frames[f.first%keptFrames])
		f.frames[f.first%keptFrames] = nil
		f.first++
	}
	f.frames[f.next%keptFrames] = b
	f.bytes += len(b)
	f.next++
	close(f.more)
	f.more = make(chan struct{})
}

// now returns where a reader begins that has seen everything.
func (f *feed) now() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.next
}

// since returns the frames from a place on, the next place, and what is closed as soon as there is more. ok is false when
// some of them are gone.
func (f *feed) since(from uint64) (frames [][]byte, next uint64, more <-chan struct{}, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if from < f.first {
		return nil, f.next, f.more, false
	}
	for n := from; n < f.next; n++ {
		frames = append(frames, f.frames[n%keptFrames])
	}
	return frames, f.next, f.more, true
}

// frame encodes one event as text/event-stream has it. JSON has no line ends in it.
func frame(event, id string, payload any) ([]byte, error) {
	data, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("event: " + event + "\n")
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	b.WriteString("data: ")
	b.Write(data)
	b.WriteString("\n\n")
	return b.Bytes(), nil
}
