package rotadash

import (
	"strings"
	"testing"
)

func TestFramesAreBounded(t *testing.T) {
	for _, tt := range []struct {
		name      string
		size      int // of each frame's text
		wantKept  uint64
		published int
	}{
		{"few", 10, 5, 5},
		{"many", 10, keptFrames, 200},
		{"large", keptBytes / 4, 3, 200},
		{"larger than all", 2 * keptBytes, 1, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := feed{more: make(chan struct{})}
			for range tt.published {
				f.publish("event", "", strings.Repeat("x", tt.size))
			}
			end := f.now()
			if frames, next, _, ok := f.since(end - tt.wantKept); !ok || uint64(len(frames)) != tt.wantKept || next != end {
				t.Errorf("since(%d) = %d frames, %v, want the last %d", end-tt.wantKept, len(frames), ok, tt.wantKept)
			}
			if end > tt.wantKept {
				if _, _, _, ok := f.since(end - tt.wantKept - 1); ok {
					t.Error("there is one more")
				}
			}
		})
	}
}
