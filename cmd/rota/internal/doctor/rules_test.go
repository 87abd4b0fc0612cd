package doctor_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/cmd/rota/internal/doctor"
	"github.com/rota-go/rota/cmd/rota/internal/document"
	"github.com/rota-go/rota/config"
)

// cases has each rule with what it finds, and with what is nearly that. A document is what a file says of one service, or
// all of a file.
var cases = []struct{ rule, finds, field, number, not string }{
	{"unbounded-call", "policy: {retry: {}}", "policy.timeout", "no limit", "policy: {retry: {}}, deadline: 1s"},
	{"time-too-short", "policy: {timeout: 250ns}", "policy.timeout", "250ns", "policy: {timeout: 1ms}"},
	{"timeout-below-latency", "policy: {timeout: 100ms}, p99: 120ms", "policy.timeout",
		"more than 1 call in 100 fails: they have 100ms, the 99th percentile takes 120ms", "policy: {timeout: 120ms}, p99: 120ms"},
	{"timeout-below-latency", "policy: {timeout: 1s}, deadline: 40ms, latency: 50ms", "deadline",
		"more than half of the calls fail: they have 40ms, the median takes 50ms", "policy: {timeout: 1s}, deadline: 60ms, latency: 50ms"},
	{"try-timeout-never-cuts", "policy: {timeout: 1s, retry: {try_timeout: 1s}}", "policy.retry.try_timeout", "1s of 1s: one attempt",
		"policy: {timeout: 1s, retry: {try_timeout: 999ms}}"},
	{"tries-beyond-deadline", "policy: {timeout: 1s, retry: {try_timeout: 400ms}}", "policy.retry.try_timeout",
		"3 x 400ms = 1.2s of 1s: 2 whole attempts", "policy: {timeout: 1.2s, retry: {try_timeout: 400ms}}"},
	{"try-timeout-below-latency", "policy: {timeout: 1s, retry: {try_timeout: 50ms}}, p99: 60ms", "policy.retry.try_timeout",
		"more than 1 attempt in 100 is cut after 50ms; the budget repeats 10 %", "policy: {timeout: 1s, retry: {try_timeout: 60ms}}, p99: 60ms"},
	{"try-timeout-ends-call", "policy: {timeout: 1s, retry: {attempts: 1, try_timeout: 300ms}}", "policy.retry.try_timeout", "fails after 300ms of 1s",
		"policy: {timeout: 1s, retry: {attempts: 2, try_timeout: 300ms}}"},
	{"try-timeout-ends-call", "policy: {timeout: 1s, retry: {try_timeout: 300ms}}, routes: {post: {}}", "routes.post.policy.retry.try_timeout",
		"fails after 300ms of 1s", "policy: {timeout: 1s, retry: {try_timeout: 300ms}}, routes: {post: {idempotent: true}}"},
	{"hung-replica-eats-call", "policy: {timeout: 2s, retry: {try_timeout: -1s}}, replicas: 3", "policy.retry.try_timeout",
		"1 call in 3 lost after 2s, until the breaker is open", "policy: {timeout: 2s, retry: {try_timeout: -1s}, hedge: {}}, replicas: 3"},
	{"late-second-attempt", "policy: {timeout: 10s, retry: {}}, p99: 50ms", "policy.timeout", "waits 5s, where 99 answers of 100 take 50ms",
		"policy: {timeout: 10s, retry: {}}, p99: 250ms"},

	{"one-attempt", "policy: {retry: {attempts: 1}}", "policy.retry.attempts", "1 attempt, 0 retries", "policy: {retry: {attempts: 2}}"},
	{"attempts-beyond-replicas", "policy: {retry: {}}, replicas: 2", "policy.retry.attempts",
		"3 attempts, 2 replicas: 1 of them again where one failed", "policy: {retry: {}}, replicas: 3"},
	{"base-above-max", "policy: {retry: {base: 500ms}}", "policy.retry.base", "each pause is up to 250ms, base is 500ms", "policy: {retry: {base: 250ms}}"},
	{"pauses-beyond-deadline", "policy: {timeout: 1s, retry: {base: 4s, max: 30s}}", "policy.retry.base",
		"a pause of up to 4s in 1s: 75 % of the calls that need a third attempt get none", "policy: {timeout: 1s, retry: {base: 4s, max: 900ms}}"},
	{"retry-without-breaker", "policy: {retry: {}}, replicas: 4", "policy.breaker", "1 of 4 dead: 25 % of the calls need a retry, the budget has 10 %",
		"policy: {retry: {}}, replicas: 10"},

	{"budget-never-pays", "policy: {retry: {}, budget: {ratio: -1, min_per_second: -1}}", "policy.budget", "0 tokens in 10 s: 0 retries, 0 hedges",
		"policy: {retry: {}, budget: {ratio: -1}}"},
	{"budget-never-pays", "policy: {hedge: {}, budget: {min_per_second: -1}}, calls_per_second: 0.5", "policy.budget", "0.5 tokens in 10 s: 0 retries, 0 hedges",
		"policy: {hedge: {}, budget: {min_per_second: -1}}, calls_per_second: 1"},
	{"budget-wide", "policy: {retry: {}, budget: {ratio: 0.5}}", "policy.budget.ratio", "up to 1.5 attempts a call", "policy: {retry: {}, budget: {ratio: 0.25}}"},
	{"budget-floor", "policy: {retry: {}, budget: {min_per_second: 1000000}}", "policy.budget.min_per_second",
		"1000000 retries a second by each client, up to 3 attempts a call", "policy: {retry: {}, budget: {min_per_second: 9}}"},
	{"budget-floor", "policy: {retry: {}, budget: {min_per_second: 10}}, calls_per_second: 20", "policy.budget.min_per_second", "up to 1.6 attempts a call",
		"policy: {retry: {}, budget: {min_per_second: 10}}, calls_per_second: 40"},
	{"nested-amplification", `services:
  a: {calls: [b], policy: {retry: {}, budget: {ratio: 0.3}}}
  b: {policy: {retry: {}, budget: {ratio: 0.3}}}`, "services.b.policy.retry", "1.69 attempts at b for a call at a; 9 without the budgets", `services:
  a: {calls: [b], policy: {retry: {}}}
  b: {policy: {retry: {}, budget: {ratio: 0.3}}}`},
	{"nested-amplification", `services:
  a: {calls: [b], policy: {retry: {}, budget: {min_per_second: 1000}}}
  b: {calls: [c], policy: {retry: {}, budget: {min_per_second: 1000}}}
  c: {policy: {retry: {}, budget: {min_per_second: 1000}}}`, "services.c.policy.retry", "27 attempts at c for a call at a; 27 without the budgets", `services:
  a: {calls: [b], policy: {retry: {}, budget: {min_per_second: 1000}}}
  b: {calls: [c], policy: {}}
  c: {policy: {}}`},
	{"retries-at-every-hop", `services:
  a: {calls: [b], policy: {retry: {}}}
  b: {calls: [c], policy: {retry: {}}}
  c: {policy: {retry: {}}}`, "services.c.policy.retry", "1.33 attempts at c for a call at a; 27 without the budgets", `services:
  a: {calls: [b], policy: {}}
  b: {calls: [c], policy: {retry: {}}}
  c: {policy: {retry: {}}}`},
	{"deadline-grows", `services:
  a: {calls: [b], policy: {timeout: 1s}}
  b: {policy: {timeout: 3s}}`, "services.b.policy.timeout", "3s at b, 1s at a: 2s for nobody", `services:
  a: {calls: [b], policy: {timeout: 1s}}
  b: {policy: {timeout: 1s}}`},
	{"call-cycle", `services:
  a: {calls: [b], policy: {}}
  b: {calls: [c], policy: {retry: {}}}
  c: {calls: [a], policy: {}}`, "services.a.calls", "3 services in the circle, x1.1 attempts a turn", `services:
  a: {calls: [b, c], policy: {}}
  b: {calls: [c], policy: {retry: {}}}
  c: {policy: {}}`},
	{"unknown-hop", `services:
  a: {calls: [b, d]}
  b: {}`, "services.a.calls[1]", "2 services: a, b", `services:
  a: {calls: [b]}
  b: {}`},

	{"hedge-never-sent", "policy: {timeout: 1s, hedge: {delay: 1s}}", "policy.hedge.delay", "due after 1s, too late from 1s on",
		"policy: {timeout: 1s, hedge: {delay: 999ms}}"},
	{"hedge-never-sent", "policy: {timeout: 1s, retry: {}, hedge: {delay: 800ms}}", "policy.hedge.delay", "due after 800ms, too late from 750ms on",
		"policy: {timeout: 1s, retry: {}, hedge: {delay: 750ms}}"},
	{"hedge-after-try-timeout", "policy: {timeout: 1s, retry: {try_timeout: 300ms}, hedge: {delay: 300ms}}", "policy.hedge.delay",
		"due after 300ms, given up after 300ms", "policy: {timeout: 1s, retry: {try_timeout: 300ms}, hedge: {delay: 100ms}}"},
	{"hedge-without-attempt", "policy: {retry: {attempts: 1}, hedge: {}}", "policy.hedge", "1 attempt, 0 hedges", "policy: {hedge: {}}"},
	{"hedge-not-idempotent", "policy: {hedge: {}}, routes: {a: {}, b: {}}", "policy.hedge", "0 hedges", "policy: {hedge: {}}, routes: {a: {}, b: {idempotent: true}}"},
	{"hedge-not-idempotent", "policy: {}, routes: {a: {policy: {hedge: {}}}, b: {}}", "routes.a.policy.hedge", "0 hedges",
		"policy: {}, routes: {a: {idempotent: true, policy: {hedge: {}}}, b: {}}"},
	{"hedge-too-early", "policy: {hedge: {delay: 10ms}}, latency: 20ms", "policy.hedge.delay", "more than half of the calls want one, the budget has 10 %",
		"policy: {hedge: {delay: 20ms}}, latency: 20ms"},
	{"hedge-starves-retries", "policy: {retry: {}, hedge: {}, budget: {ratio: 0.02}}", "policy.budget.ratio",
		"5 % of the calls hedge, the budget has 2 %: nothing is left for retries", "policy: {retry: {}, hedge: {}, budget: {ratio: 0.02}}, calls_per_second: 10"},

	{"breaker-never-opens", "policy: {breaker: {failures: 1000}}, replicas: 3, calls_per_second: 3", "policy.breaker.failures",
		"1 calls a second for each replica: a dead one stays in use for 16m40s", "policy: {breaker: {failures: 500}}, replicas: 3, calls_per_second: 3"},
	{"breaker-volume", "policy: {breaker: {}}, replicas: 3, calls_per_second: 3", "policy.breaker.volume", "10 calls a replica in 10 s, of the 20 that are wanted",
		"policy: {breaker: {volume: 10}}, replicas: 3, calls_per_second: 3"},
	{"breaker-ratio", "policy: {breaker: {ratio: 1}}", "policy.breaker.ratio", "one that fails 99 % of its calls stays in use", "policy: {breaker: {ratio: 0.9}}"},
	{"breaker-hair-trigger", "policy: {breaker: {failures: 1}}", "policy.breaker.failures", "opens after 1 failure, for 1s", "policy: {breaker: {failures: 2}}"},
	{"breaker-hair-trigger", "policy: {breaker: {volume: 2}}", "policy.breaker.ratio", "opens after 1 failure, for 1s", "policy: {breaker: {volume: 3}}"},
	{"breaker-open-long", "policy: {breaker: {open: 1m}}", "policy.breaker.open", "out for 1m0s after it is well", "policy: {breaker: {open: 1m}}, check: {path: /readyz}"},
	{"breaker-open-short", "policy: {breaker: {open: 10ms}}", "policy.breaker.open", "up to 100 trials a second of each dead replica", "policy: {breaker: {open: 100ms}}"},
	{"slow-start-long", "policy: {slow_start: 1m, breaker: {}}", "policy.slow_start", "each return costs what a replica does in 29.7s",
		"policy: {slow_start: 1m, breaker: {open: 6s}}"},

	{"check-without-breaker", "check: {path: /readyz}", "check", "0 replicas taken out", "check: {path: /readyz}, policy: {breaker: {}}"},
	{"check-timeout-cut", "check: {path: /readyz, timeout: 10s}", "check.timeout", "5s, not 10s", "check: {path: /readyz, timeout: 10s, interval: 10s}"},
	{"check-slow", "check: {path: /readyz, interval: 10s}, policy: {breaker: {}}", "check.interval", "found after 30s", "check: {path: /readyz, interval: 9s}, policy: {breaker: {}}"},
	{"check-slow", "check: {path: /readyz, interval: 20s}, policy: {breaker: {}}, replicas: 2, calls_per_second: 0.1", "check.interval",
		"found after 1m0s, by calls after 1m40s", "check: {path: /readyz, interval: 20s}, policy: {breaker: {}}, replicas: 2, calls_per_second: 1"},
	{"check-slower-than-ejection", "check: {path: /readyz}, policy: {breaker: {}}, replicas: 2, calls_per_second: 20", "check.interval",
		"dead: calls 500ms, checks 15s; well: a trial 1s, checks 5s", "check: {path: /readyz, interval: 1s}, policy: {breaker: {}}, replicas: 2, calls_per_second: 20"},
	{"check-too-often", "check: {path: /readyz, interval: 20ms}", "check.interval", "50 checks a second at a replica with one client, 5000 with a hundred",
		"check: {path: /readyz, interval: 100ms}"},

	{"rate-as-interval", "policy: {rate: {per_second: 0.01}}", "policy.rate.per_second", "1 attempt every 1m40s at a replica", "policy: {rate: {per_second: 1}}"},
	{"rate-unlimited", "policy: {rate: {per_second: 1e9}}", "policy.rate.per_second", "1000000000 attempts a second at a replica", "policy: {rate: {per_second: 100000}}"},
	{"rate-below-demand", "policy: {rate: {per_second: 100}}, replicas: 3, calls_per_second: 400", "policy.rate.per_second",
		"400 calls a second, 3 x 100 = 300 allowed: 25 % are refused", "policy: {rate: {per_second: 100}}, replicas: 3, calls_per_second: 300"},
	{"rate-burst-one", "policy: {rate: {per_second: 100, burst: 1}}, replicas: 3", "policy.rate.burst", "3 at once at 3 replicas, the next 10ms later",
		"policy: {rate: {per_second: 100}}, replicas: 3"},
	{"rate-burst-large", "policy: {rate: {per_second: 1, burst: 100}}", "policy.rate.burst", "100 at once, then 1 a second; 1m40s until there are as many again",
		"policy: {rate: {per_second: 100, burst: 100}}"},
	{"throttle-never", "policy: {throttle: {}}, calls_per_second: 1", "policy.throttle.min_per_second", "1 always sent of at most 1 attempts a second: 0 held back",
		"policy: {throttle: {}}, calls_per_second: 2"},
	{"throttle-late", "policy: {throttle: {k: 10}}", "policy.throttle.k", "held back only below 10 % accepted", "policy: {throttle: {k: 4}}"},

	{"target", "target: users", "target", "0 replicas", "target: 10.0.0.1:80"},
	{"one-replica", "target: 10.0.0.1:80, policy: {breaker: {}}", "target", "1 replica: 0 others to go to, 0 may be out",
		"target: \"10.0.0.1:80,10.0.0.2:80\", policy: {breaker: {}}"},
	{"one-replica", "replicas: 3, policy: {retry: {}, subset: {size: 1}}", "policy.subset.size", "1 replica: 0 others to go to, 0 may be out",
		"replicas: 1, policy: {retry: off}"},
	{"name-in-list", "target: users.internal:80", "target", "1 replica", "target: dns:///users.internal:80"},
	{"cluster-ip", "target: dns:///users.prod.svc.cluster.local.:80", "target", "1 address for all pods", "target: dns:///users-headless.prod.svc.cluster.local.:80"},
	{"cluster-ip", "target: http://users.prod.svc:80", "target", "1 address for all pods", "target: http://users-0.users.prod.svc:80"},
	{"cluster-ip-http2", "target: dns:///users.prod.svc:80, protocol: h2c", "target", "1 connection: all calls of a client at 1 pod",
		"target: dns:///users.prod.svc:80, protocol: h2c, replicas: 3"},
	{"cluster-ip-http2", "target: dns:///users.prod.svc:80?scheme=https", "target", "1 connection: all calls of a client at 1 pod",
		"target: dns:///users.prod.svc:80?scheme=https, protocol: http1"},
	{"search-domains", "target: dns:///users.prod.svc.cluster.local:80", "target", "4 names looked up for one, with the usual three search domains",
		"target: dns:///users-0.users.prod.svc.cluster.local:80"},
	{"ttl-long", "target: dns:///users.internal:80, ttl: 1m", "ttl", "a new replica gets no call for up to 1m6s; one that is gone and was not missed stays for 10s more",
		"target: dns:///users.internal:80, ttl: 30s"},
	{"ttl-short", "target: dns:///users.internal:80, ttl: 100ms", "ttl", "1 lookup a second by each client, answers up to 1s old",
		"target: dns:///users.internal:80, ttl: 1s"},
	{"h2c-with-tls", "target: \"https://a:443,https://b:443\", protocol: h2c", "protocol", "every call fails", "target: \"http://a:80,http://b:80\", protocol: h2c"},
	{"http2-without-tls", "target: \"10.0.0.1:80,10.0.0.2:80\", protocol: http2", "protocol", "every call fails or is HTTP/1.1",
		"target: \"10.0.0.1:80,10.0.0.2:80\", protocol: http2, tls: true"},

	{"choices-beyond-replicas", "policy: {balancer: {name: p2c, choices: 5}}, replicas: 4", "policy.balancer.choices", "5 of 4 replicas",
		"policy: {balancer: {name: p2c, choices: 4}}, replicas: 4"},
	{"choices-beyond-replicas", "policy: {balancer: {name: echo, choices: 8}}, replicas: 4", "policy.balancer.choices", "8 of 4 replicas",
		"policy: {balancer: echo}, replicas: 2"},
	{"bound-below-one", "policy: {balancer: {name: ring, bound: 0.25}}", "policy.balancer.bound", "1, not 0.25", "policy: {balancer: {name: ring, bound: -1}}"},
	{"bound-below-one", "policy: {balancer: {name: rendezvous, bound: 0.5}}", "policy.balancer.bound", "1, not 0.5", "policy: {balancer: {name: rendezvous, bound: 1}}"},
	{"key-not-hashed", keyed("X-User", "p2c"), "routes[0].key", "requests with the same X-User go to any of 3 replicas", keyed("X-User", "ring")},
	{"hash-without-key", keyed("", "maglev"), "routes[0].key", "requests go to replicas by chance, however busy they are", keyed("X-User", "rendezvous")},
	{"maglev-uneven", "policy: {balancer: {name: maglev, size: 101}}, replicas: 10", "policy.balancer.size", "10.1 entries a replica: shares differ by 9.9 %",
		"policy: {balancer: maglev}, replicas: 10"},
	{"pool-without-probes", "policy: {balancer: {name: prequal, probes: -1}}", "policy.balancer.probes", "0 probes a call, 25 % of the calls at random",
		"policy: {balancer: {name: prequal, probes: 0.5}}"},
	{"pool-without-probes", "policy: {balancer: {name: c3, probing: {probes: -1}}}", "policy.balancer.probing.probes", "0 probes a call, 25 % of the calls at random",
		"policy: {balancer: c3}"},
	{"pool-starved", "policy: {balancer: {name: linear, probing: {max_age: 100ms}}}, calls_per_second: 5", "policy.balancer.probing.max_age",
		"5 calls a second x 3 probes x 100ms = 1.5 answers", "policy: {balancer: linear}, calls_per_second: 0.1"},
	{"subset-small", "policy: {breaker: {}, retry: {}, subset: {size: 2}}", "policy.subset.size", "2 replicas, 3 attempts; 1 may be out",
		"policy: {breaker: {}, retry: {}, subset: {size: 3}}"},
	{"subset-across-zones", "policy: {zone: {zone: a}, subset: {size: 6}}", "policy.subset.by_zone",
		"2 of 6 on average in one of three zones; 8.8 % of the clients have none", "policy: {zone: {zone: a}, subset: {size: 6, by_zone: true}}"},
}

// keyed is the file of a proxy with a key and a balancer.
func keyed(key, balancer string) string {
	return "services:\n  users: {target: \"a:1,b:1,c:1\", policy: {timeout: 1s, balancer: " + balancer + "}}\nlisteners: [{listen: \":1\"}]\nroutes: [{service: users, key: \"" + key + "\"}]\n"
}

func TestRules(t *testing.T) {
	for _, test := range cases {
		t.Run(test.rule+"/"+test.field, func(t *testing.T) {
			field := test.field
			if !strings.HasPrefix(field, "services.") && !strings.HasPrefix(field, "routes[") {
				field = "services.users." + field
			}
			f, ok := examine(t, test.finds)[test.rule]
			if !ok || f.Field != field || f.Number != test.number {
				t.Errorf("Examine(%s) has %t, %s: %s, want %s: %s", test.finds, ok, f.Field, f.Number, field, test.number)
			}
			if f.Line == 0 || f.Reason == "" || f.Fix == "" || !strings.HasSuffix(f.Reason, ".") {
				t.Errorf("the finding is %+v, want a line, a sentence of reason and a fix", f)
			}
			if f, ok := examine(t, test.not)[test.rule]; ok {
				t.Errorf("Examine(%s) has %s: %s, want none", test.not, f.Field, f.Number)
			}
		})
	}
}

func TestInvalidPoliciesAreTold(t *testing.T) {
	tests := []struct {
		name          string
		policy        config.Policy
		field, number string
	}{
		{"a throttle below 1", config.Policy{Policy: rota.Policy{Throttle: &rota.Throttle{K: 0.5}}}, "throttle.k", "0.5"},
		{"too many attempts", config.Policy{Policy: rota.Policy{Retry: &rota.Retry{Attempts: 9}}}, "retry.attempts", "9"},
		{"a subset of none", config.Policy{Subset: &config.Subset{}}, "subset.size", "0"},
		{"a balancer that there is not", config.Policy{Balancer: config.Balancer{Name: "x"}}, "balancer.name", `"x"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := doctor.Examine(doctor.System{Services: []doctor.Service{{Policy: test.policy}}})
			if len(got) != 1 || got[0].Rule != "invalid" || got[0].Field != test.field || got[0].Number != test.number {
				t.Errorf("Examine() = %+v, want %s = %s alone", got, test.field, test.number)
			}
		})
	}
	if got := doctor.Examine(doctor.System{Services: []doctor.Service{{Policy: config.Policy{Policy: rota.DefaultPolicy()}, Deadline: 1e9}}}); len(got) != 0 {
		t.Errorf("Examine() of the default policy = %+v, want nothing", got)
	}
}

func TestEveryRuleIsTestedAndDescribed(t *testing.T) {
	tested := map[string]bool{"invalid": true}
	for _, c := range cases {
		tested[c.rule] = true
	}
	rows := documented(t)
	for _, r := range doctor.Rules() {
		if !tested[r.ID] {
			t.Errorf("%s has no test", r.ID)
		}
		delete(tested, r.ID)
		if row := rows[r.ID]; len(row) != 3 || row[0] != string(r.Severity) || row[1] != r.Finds || row[2] == "" {
			t.Errorf("docs/DOCTOR.md has %q for %s, want %s, %q and a fix", row, r.ID, r.Severity, r.Finds)
		}
		delete(rows, r.ID)
	}
	if len(tested)+len(rows) > 0 {
		t.Errorf("there are no rules %q, %q", slices.Sorted(maps.Keys(tested)), slices.Sorted(maps.Keys(rows)))
	}
}

// documented returns the rows of the document's table of rules, by the first cell.
func documented(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../../../docs/DOCTOR.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string][]string)
	_, table, _ := strings.Cut(string(text), "\n| rule |")
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if id, ok := strings.CutPrefix(cells[0], "| `"); ok && len(cells) > 1 {
			cells[len(cells)-1] = strings.TrimSuffix(cells[len(cells)-1], " |")
			rows[strings.TrimSuffix(id, "`")] = cells[1:]
		}
	}
	return rows
}

// examine returns what is found in a document, by rule.
func examine(t *testing.T, text string) map[string]doctor.Finding {
	t.Helper()
	byRule := make(map[string]doctor.Finding)
	for _, f := range doctor.Examine(load(t, text)) {
		byRule[f.Rule] = f
	}
	return byRule
}

func load(t *testing.T, text string) doctor.System {
	t.Helper()
	if !strings.HasPrefix(text, "services:") {
		text = "services:\n  users: {" + text + "}"
	}
	doc, err := document.ParseYAML([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	s, err := doctor.Load(doc)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return s
}
