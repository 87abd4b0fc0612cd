package stringsvc

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
)

// Refusing returns what rotahttp.ServerPolicy.Refuse is for: it replies to a
// call that is not served, because it came back to where it had been (508) or
// its time was up on arrival (504), and counts the former in
//
//	my_group_string_service_loop_count
func Refusing(reg prometheus.Registerer) (func(w http.ResponseWriter, r *http.Request, status int, why string), error) {
	loops := prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "my_group",
		Subsystem: "string_service",
		Name:      "loop_count",
		Help:      "Number of requests refused because they came back to a process that they had passed.",
	})
	if err := reg.Register(loops); err != nil {
		return nil, err
	}
	return func(w http.ResponseWriter, _ *http.Request, status int, why string) {
		if status == http.StatusLoopDetected {
			loops.Inc()
		}
		replyError(w, status, why)
	}, nil
}
