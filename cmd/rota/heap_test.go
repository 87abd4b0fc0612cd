package main

import (
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
)

// aloneInProcess in the environment says that nothing else has run in this process.
const aloneInProcess = "ROTA_TEST_ALONE"

func TestHeapFloor(t *testing.T) {
	if os.Getenv(aloneInProcess) == "" { // what other tests leave behind may be collected at any time
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHeapFloor$", "-test.v")
		cmd.Env = append(os.Environ(), aloneInProcess+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || strings.Count(string(out), "--- PASS: TestHeapFloor/") != 3 {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	for _, test := range []struct {
		name, gogc, limit string
		held              bool
	}{
		{"by itself", "", "", true},
		{"GOGC", "100", "", false},
		{"GOMEMLIMIT", "", "1GiB", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("GOGC", test.gogc)
			t.Setenv("GOMEMLIMIT", test.limit)
			before := liveHeap()
			release := holdHeapFloor()
			grown := liveHeap() - before
			release()
			if held := grown > heapFloor/2; held != test.held {
				t.Errorf("%d bytes more are alive, want the floor of %d: %t", grown, heapFloor, test.held)
			}
			if left := liveHeap() - before; left > heapFloor/2 {
				t.Errorf("%d bytes are still alive after the release", left)
			}
		})
	}
}

// liveHeap returns what the collector finds alive, in bytes.
func liveHeap() int64 {
	debug.FreeOSMemory() // collects
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}
