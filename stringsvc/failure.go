package stringsvc

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/rotahttp"
)

// failureReply is the body of a call that the replicas did not answer.
type failureReply struct {
	Err      string         `json:"err"`
	Attempts []attemptReply `json:"attempts,omitempty"`
}

type attemptReply struct {
	Replica string `json:"replica"`
	Outcome string `json:"outcome"`
	Took    string `json:"took"`
}

// Failure replies to a call that failed at the replicas. It is for
// HandlerParams.Failure.
func Failure(w http.ResponseWriter, _ *http.Request, err error) {
	status, retryAfter := failureStatus(err)
	if retryAfter > 0 {
		seconds := int64((retryAfter + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	reply := failureReply{Err: err.Error()}
	if call, ok := errors.AsType[*rota.CallError](err); ok {
		for _, a := range call.Attempts {
			reply.Attempts = append(reply.Attempts, attemptReply{
				a.Instance.Addr, a.Outcome(), a.Took.Round(time.Microsecond).String(),
			})
		}
	}
	newExchange().reply(w, status, reply)
}

// failureStatus is the status for a failed call, and its Retry-After; 0 = none.
//
//	504  the call's time ran out, or every attempt's did
//	508  the call came back to where it had been, and nothing else answered
//	429  every replica is at the rate limit that this front keeps
//	503  no replica was usable, or all that were tried were overloaded, or the
//	     call was not sent because the service turned down most of late
//	502  anything else
func failureStatus(err error) (status int, retryAfter time.Duration) {
	call, ok := errors.AsType[*rota.CallError](err)
	if !ok {
		return http.StatusBadGateway, 0
	}
	soon := max(call.RetryAfter, time.Second)
	switch {
	case call.Timeout():
		return http.StatusGatewayTimeout, 0
	case looped(call):
		return http.StatusLoopDetected, 0
	case errors.Is(call.Reason, rota.ErrRateLimited):
		return http.StatusTooManyRequests, soon
	case len(call.Attempts) == 0, call.Overloaded():
		return http.StatusServiceUnavailable, soon
	}
	return http.StatusBadGateway, 0
}

// looped reports whether a process saw the call for the second time and no
// replica gave any answer. A refusal is none: of two fronts that name each
// other, one refuses when its breaker has opened for what the other refused.
func looped(call *rota.CallError) bool {
	loop := false
	for _, a := range call.Attempts {
		status, ok := errors.AsType[*rotahttp.StatusError](a.Err)
		switch {
		case ok && status.Code == http.StatusLoopDetected:
			loop = true
		case a.Verdict == rota.Overload:
		case ok, errors.Is(a.Err, rotahttp.ErrUndecodable):
			return false
		}
	}
	return loop
}
