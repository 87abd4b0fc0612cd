package replica

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// A Request is one call as the replica saw it.
type Request struct {
	At      time.Time
	Method  string
	Header  http.Header
	Length  int64 // as announced; -1 = not
	Chunked bool
	Body    string

	left   chan struct{} // closed when the caller went away
	leftAt time.Time     // read only after left is closed
}

// Left waits for the caller to go away while its call is being served and returns how long after its arrival that was. A call
// that is answered never leaves: bound the wait with ctx.
func (r *Request) Left(ctx context.Context) (time.Duration, error) {
	select {
	case <-r.left:
		return r.leftAt.Sub(r.At), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("the caller has not gone away: %w", ctx.Err())
	}
}

func (r *Request) leave() {
	r.leftAt = time.Now()
	close(r.left)
}
