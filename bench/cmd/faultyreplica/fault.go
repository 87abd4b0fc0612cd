package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rota-go/rota/bench/replica"
)

// A tlsMode is what a replica does when a caller shakes hands.
type tlsMode int

const (
	tlsWell tlsMode = iota
	tlsAlert
	tlsName
)

// parseFault reads a command:
//
//	ok                         answer well
//	slow 300ms                 well, but after so long
//	hang                       never
//	broken                     500 {}
//	busy 1s                    503 with this Retry-After
//	reset | garbage | cut      a TCP reset; no HTTP; half of the body
//	page                       200 with HTML
//	tls-alert | tls-name       refuse to shake hands; show another name's certificate
//	sometimes 0.05 <command>   the command for this share of the calls
func parseFault(line string) (replica.Fault, tlsMode, error) {
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	switch word {
	case "ok":
		return nil, tlsWell, nil
	case "hang":
		return replica.Hang, tlsWell, nil
	case "broken":
		return replica.Broken, tlsWell, nil
	case "reset":
		return replica.Reset, tlsWell, nil
	case "garbage":
		return replica.Garbage, tlsWell, nil
	case "cut":
		return replica.Cut, tlsWell, nil
	case "page":
		return replica.Page, tlsWell, nil
	case "tls-alert":
		return nil, tlsAlert, nil
	case "tls-name":
		return nil, tlsName, nil
	case "slow":
		d, err := time.ParseDuration(rest)
		return replica.Slow(d), tlsWell, err
	case "busy":
		d, err := time.ParseDuration(rest)
		return replica.Busy(d), tlsWell, err
	case "sometimes":
		return parseSometimes(rest)
	}
	return nil, tlsWell, fmt.Errorf("no such fault: %q", line)
}

func parseSometimes(line string) (replica.Fault, tlsMode, error) {
	share, rest, _ := strings.Cut(line, " ")
	p, err := strconv.ParseFloat(share, 64)
	if err != nil {
		return nil, tlsWell, err
	}
	f, mode, err := parseFault(rest)
	switch {
	case err != nil:
		return nil, tlsWell, err
	case f == nil || mode != tlsWell:
		return nil, tlsWell, errors.New("sometimes: want a fault of the answer")
	}
	return replica.Sometimes(p, f), tlsWell, nil
}
