package stringsvc_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rota-go/rota/stringsvc"
)

func ExampleInstrumenting() {
	reg := prometheus.NewRegistry()
	instrumenting, err := stringsvc.Instrumenting(reg)
	if err != nil {
		fmt.Println(err)
		return
	}
	service := instrumenting(stringsvc.NewLocal())
	service.Count(context.Background(), "hello")
	families, err := reg.Gather()
	fmt.Println(families[0].GetName(), families[0].GetMetric()[0].GetSummary().GetSampleSum(), err)
	// Output: my_group_string_service_count_result 5 <nil>
}

// scrape returns every sample of reg by its line up to the value.
func scrape(t *testing.T, reg prometheus.Gatherer) map[string]float64 {
	t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	samples := map[string]float64{}
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		samples[name] = v
	}
	return samples
}

func TestInstrumenting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // whose clock only moves when we sleep
		reg := prometheus.NewRegistry()
		instrumenting, err := stringsvc.Instrumenting(reg)
		if err != nil {
			t.Fatalf("Instrumenting() = %v", err)
		}
		service := instrumenting(fake{
			uppercase: func(_ context.Context, s string) (string, error) {
				switch s {
				case "slow":
					time.Sleep(1500 * time.Microsecond)
				case "broken":
					return "", errors.New("broken")
				case "panic":
					panic("boom")
				}
				return stringsvc.NewLocal().Uppercase(t.Context(), s)
			},
			count: func(_ context.Context, s string) int {
				time.Sleep(2 * time.Second)
				return len(s)
			},
		})
		for _, s := range []string{"hello", "slow", "", "broken", "panic"} {
			func() {
				defer func() { _ = recover() }()
				_, _ = service.Uppercase(t.Context(), s)
			}()
		}
		service.Count(t.Context(), "hello")
		service.Count(t.Context(), "hi")

		got := scrape(t, reg)
		for name, want := range map[string]float64{
			`request_count{error="false",method="uppercase"}`:                      2,
			`request_count{error="true",method="uppercase"}`:                       3,
			`request_count{error="false",method="count"}`:                          2,
			`request_count{error="true",method="count"}`:                           0,
			`request_latency_microseconds_sum{error="false",method="uppercase"}`:   1500,
			`request_latency_microseconds_count{error="false",method="uppercase"}`: 2,
			`request_latency_microseconds_count{error="true",method="uppercase"}`:  3,
			`request_latency_microseconds_sum{error="false",method="count"}`:       4e6,
			`count_result_sum`:   7,
			`count_result_count`: 2,
		} {
			v, ok := got["my_group_string_service_"+name]
			if !ok || math.Abs(v-want) > 1e-9 {
				t.Errorf("%s = %v (present: %v), want %v", name, v, ok, want)
			}
		}
		for name := range got {
			if strings.Contains(name, "quantile") {
				t.Errorf("%s has quantiles, want none", name)
			}
		}
	})
}

func TestInstrumentingTwiceIsAnError(t *testing.T) {
	reg := prometheus.NewRegistry()
	if _, err := stringsvc.Instrumenting(reg); err != nil {
		t.Fatalf("Instrumenting() = %v", err)
	}
	_, err := stringsvc.Instrumenting(reg)
	if _, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); !ok {
		t.Errorf("Instrumenting() of the same registry = %v, want an AlreadyRegisteredError", err)
	}
}

func BenchmarkInstrumenting(b *testing.B) {
	instrumenting, err := stringsvc.Instrumenting(prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	service := instrumenting(fake{
		uppercase: func(context.Context, string) (string, error) { return "HELLO", nil },
	})
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = service.Uppercase(ctx, "hello")
	}
}
