package rotahttp

import (
	"net/http"
	"testing"
	"time"
)

func TestTimeLeft(t *testing.T) {
	const (
		rota, connect, grpc, envoy = "Rota-Timeout-Ms", "Connect-Timeout-Ms", "Grpc-Timeout", "X-Envoy-Expected-Rq-Timeout-Ms"
		ms                         = time.Millisecond
	)
	tests := []struct {
		name string
		h    http.Header
		want time.Duration // -1 = none
	}{
		{"nothing", http.Header{}, -1},
		{"ours", http.Header{rota: {"250"}}, 250 * ms},
		{"Connect", http.Header{connect: {"250"}}, 250 * ms},
		{"Envoy", http.Header{envoy: {"250"}}, 250 * ms},
		{"gRPC", http.Header{grpc: {"250m"}}, 250 * ms},
		{"the least of all", http.Header{rota: {"400"}, connect: {"300"}, grpc: {"200m"}, envoy: {"100"}}, 100 * ms},
		{"the least of one", http.Header{rota: {"400", "20"}}, 20 * ms},
		{"none left", http.Header{rota: {"400"}, grpc: {"0n"}}, 0},
		{"nonsense beside sense", http.Header{rota: {"soon"}, connect: {"-1"}, grpc: {"1"}, envoy: {"1.5"}, "Timeout": {"3"}}, -1},
		{"nonsense before sense", http.Header{rota: {"soon", "7"}}, 7 * ms},
		{"too many digits", http.Header{connect: {"00000000001"}, grpc: {"000000001S"}, envoy: {"10000000000"}}, -1},
		{"more than a day", http.Header{rota: {"9999999999"}, connect: {"9999999999"}, grpc: {"99999999H"}}, 24 * time.Hour},
	}
	for _, test := range tests {
		got, ok := timeLeft(test.h)
		if ok != (test.want >= 0) || ok && got != test.want {
			t.Errorf("%s: timeLeft() = %v, %t, want %v", test.name, got, ok, test.want)
		}
	}
}

func TestParseGRPCTimeout(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"1H": time.Hour, "2M": 2 * time.Minute, "3S": 3 * time.Second, "4m": 4 * time.Millisecond, "5u": 5 * time.Microsecond,
		"99999999n": 99_999_999, "0n": 0, "00000000H": 0, "25H": 24 * time.Hour, "99999999H": 24 * time.Hour,
		"": -1, "S": -1, "1": -1, "1s": -1, "1h": -1, "+1S": -1, "-1S": -1, " 1S": -1, "1 S": -1, "1_0S": -1, "0x1S": -1, "１S": -1, "100000000S": -1,
	} {
		got, ok := parseGRPCTimeout(s)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("parseGRPCTimeout(%q) = %v, %t, want %v", s, got, ok, want)
		}
	}
}

func FuzzTimeLeft(f *testing.F) {
	for _, s := range []string{"", "0", "250", "9999999999", "99999999H", "1n", "18446744073709551615", "-1", "1e3"} {
		f.Add(s, s, s, s)
	}
	f.Fuzz(func(t *testing.T, ours, connect, envoy, grpc string) {
		h := http.Header{HeaderTimeout: {ours}, headerConnectTimeout: {connect}, headerEnvoyTimeout: {envoy}, headerGRPCTimeout: {grpc}}
		left, ok := timeLeft(h)
		if left < 0 || left > maxDeadline {
			t.Fatalf("timeLeft() = %v, %t: out of bounds", left, ok)
		}
		for key := range h { // one alone is no less than all together
			one, okOne := timeLeft(http.Header{key: h[key]})
			if okOne && (!ok || one < left) {
				t.Fatalf("%s alone is %v, all are %v, %t", key, one, left, ok)
			}
		}
	})
}
