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
  stringsvc demo [flags]                       replicas, a front, a page; -h

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
                       /uppercase). Or one of where they are to be found:
                       dns:///host:port, dns+srv:///_http._tcp.name, both with
                       a server if dns://server/..., or file:///path.
                       Empty: serve locally (default)
  -balancer name       round-robin, or p2c: the less busy of two picked at
                       random (default round-robin)

  Time and repetition, for one call:
  -max-time duration   the whole call, every attempt and pause, unless the
                       caller's Rota-Timeout-Ms is shorter (default 250ms)
  -try-time duration   one attempt, which is then cut off and made elsewhere.
                       0: after half of the remaining time another attempt
                       goes to another replica while the first goes on, so
                       that one hung replica cannot eat the whole call
                       (default 0)
  -max-attempts n      attempts, the first included, 1 to 8; unless n is 1, one
                       that could not connect does not count (default 3)
  -hedge               ask a second replica when the first is slower than
                       nearly all answers lately, from the 100th answer on;
                       -hedge=false: never (default true)

  Attempts beyond the first of each call are at most 10 % of the calls, plus
  one a second. A replica gets no calls for 1s after 5 failures in a row, or
  when half of at least 20 in 10s failed.

  Rate, for each replica:
  -qps n               requests a second, sustained. 0: no limit (default 0)
  -burst n             how many of them may come at once. 0: max(1, qps/10)
                       (default 0)

  The live page: replicas, charts, events, and why calls went where they did:
  -admin addr          host:port to serve it on, such as 127.0.0.1:9901.
                       Empty: nowhere (default)
  -admin-write         let it drain and eject replicas and change weights; on
                       another address than loopback only with a token
  -admin-token-file path
                       whose first line must be given to see it, 16 characters
                       or more. Empty: nobody is asked (default)

Durations are numbers with a unit: 250ms, 1.5s, 1m.

Paths: /uppercase and /count (POST or GET with a body), /metrics, /healthz,
/readyz. The log is logfmt on stderr.

A call that fails at the replicas is answered with what each attempt came to:
  429  every replica is at -qps; Retry-After says when to come back
  502  the replicas failed
  503  the replicas refuse, drain or get no calls; with Retry-After
  504  out of time
  508  the call came back to a process that it had passed

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
