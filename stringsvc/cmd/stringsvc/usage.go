package main

import "io"

// usage prints what -h shows. By hand: package flag would sort the flags by
// name and could not group them.
func usage(w io.Writer) {
	_, _ = io.WriteString(w, usageText)
}

const usageText = `stringsvc serves the string service over HTTP, or forwards to replicas that do.

Usage:
  stringsvc [flags]
  stringsvc demo [-base-port=8080] [-once]

Every process:
  -listen addr         host:port or :port to listen on (default :8080)
  -max-body bytes      longest request body, else 413 (default 1048576, 1 MiB)
  -drain duration      after SIGINT or SIGTERM, how long to keep serving with
                       /readyz at 503 before the socket closes (default 1s)
  -version             print the version and exit
  -h                   print this and exit

A front, which sends uppercase calls to replicas and counts itself:
  -proxy list          the replicas, separated by commas: host:port, http://...
                       or https://..., with or without a path (default path
                       /uppercase). Empty: serve locally (default)
  -balancer name       round-robin, or p2c: the less busy of two picked at
                       random (default round-robin)

  Time and repetition, for one call:
  -max-time duration   the whole call, every attempt and pause (default 250ms)
  -try-time duration   one attempt. 0: derived from -max-time and -max-attempts,
                       so that one hung replica cannot eat the whole call
                       (default 0)
  -max-attempts n      attempts, the first included, 1 to 8 (default 3)
  -hedge               ask a second replica when the first is slower than
                       nearly all answers lately; -hedge=false: never
                       (default true)

  Rate, for each replica:
  -qps n               requests a second, sustained. 0: no limit (default 0)
  -burst n             requests at once beyond that. 0: max(1, qps/10)
                       (default 0)

Durations are numbers with a unit: 250ms, 1.5s, 1m.

Paths: /uppercase and /count (POST or GET with a body), /metrics, /healthz,
/readyz. The log is logfmt on stderr.

Exit status: 0 after SIGINT or SIGTERM, 1 if it cannot listen or had to cut
requests off (a second signal does that at once), 2 for a wrong flag.

Examples:
  stringsvc                                    one replica on :8080
  stringsvc -listen=:8081 -proxy=localhost:8080
                                               a front for it on :8081
  stringsvc -listen=:8090 -proxy=localhost:8080,localhost:8081 -qps=100
                                               at most 100 a second to each
  curl -d '{"s":"hello"}' localhost:8090/uppercase
                                               {"v":"HELLO"}
`
