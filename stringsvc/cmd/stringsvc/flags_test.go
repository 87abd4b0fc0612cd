package main

import (
	"flag"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// defaults is the config of no flags at all.
var defaults = config{
	listen: ":8080", maxBody: 1 << 20, drain: time.Second,
	burst: 1, maxAttempts: 3, maxTime: 250 * time.Millisecond, balancer: "round-robin", hedge: true,
}

func TestParseFlags(t *testing.T) {
	tests := []struct {
		name string
		args string // separated by spaces
		want func(*config)
	}{
		{name: "defaults", want: func(*config) {}},
		{name: "all of them", args: "-listen=:0 -proxy=a:1,b:2 -qps=100 -burst=7 -max-attempts=8 -max-time=1s -try-time=1s -balancer=p2c -hedge=false -max-body=1 -drain=0", want: func(c *config) {
			*c = config{listen: ":0", proxy: []string{"http://a:1/uppercase", "http://b:2/uppercase"}, qps: 100, burst: 7, maxAttempts: 8,
				maxTime: time.Second, tryTime: time.Second, balancer: "p2c", maxBody: 1}
		}},
		{name: "burst follows qps", args: "-qps 100", want: func(c *config) { c.qps, c.burst = 100, 10 }},
		{name: "but is at least one", args: "--qps=0.5", want: func(c *config) { c.qps, c.burst = 0.5, 1 }},
		{name: "and fits", args: "-qps=1e300", want: func(c *config) { c.qps, c.burst = 1e300, math.MaxInt32 }},
		{name: "empty proxy", args: "-proxy=", want: func(*config) {}},
		{name: "version", args: "-version", want: func(c *config) { c.version = true }},
		{name: "page", args: "-proxy=a:1 -admin=127.0.0.1:9901 -admin-write -admin-token-file=t", want: func(c *config) {
			c.proxy, c.admin, c.adminWrite, c.adminToken = []string{"http://a:1/uppercase"}, "127.0.0.1:9901", true, "t"
		}},
		{name: "addresses", args: "-listen=[::1]:http", want: func(c *config) { c.listen = "[::1]:http" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := defaults
			tt.want(&want)
			got, err := parseFlags(strings.Fields(tt.args))
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("parseFlags(%s) = %+v, %v, want %+v, nil", tt.args, got, err, want)
			}
		})
	}
}

func TestWrongFlags(t *testing.T) {
	for args, want := range map[string]string{
		"-qps=-1":                     `-qps=-1: want at least 0, 0 = no limit`,
		"-qps=NaN":                    `-qps=NaN: want at least 0, 0 = no limit`,
		"-qps=Inf":                    `-qps=+Inf: want at least 0, 0 = no limit`,
		"-qps=many":                   `invalid value "many" for flag -qps: parse error`,
		"-burst=-1":                   `-burst=-1: want at least 1, or 0 = max(1, qps/10)`,
		"-max-attempts=0":             `-max-attempts=0: want 1 to 8`,
		"-max-attempts=9":             `-max-attempts=9: want 1 to 8`,
		"-max-time=0":                 `-max-time=0s: want more than 0`,
		"-max-time=250":               `invalid value "250" for flag -max-time: parse error`,
		"-try-time=-1s":               `-try-time=-1s: want at least 0, 0 = derived`,
		"-try-time=251ms":             `-try-time=251ms: want at most -max-time, which is 250ms`,
		"-balancer=random":            `-balancer="random": want round-robin or p2c`,
		"-balancer=":                  `-balancer="": want round-robin or p2c`,
		"-hedge=maybe":                `invalid boolean value "maybe" for -hedge: parse error`,
		"-max-body=0":                 `-max-body=0: want at least 1 byte`,
		"-max-body=1MiB":              `invalid value "1MiB" for flag -max-body: parse error`,
		"-drain=-1s":                  `-drain=-1s: want at least 0`,
		"-listen=8080":                `-listen="8080": want host:port or :port`,
		"-listen=":                    `-listen="": want host:port or :port`,
		"-listen=:":                   `-listen=":": want a port, 0 to 65535`,
		"-listen=:65536":              `-listen=":65536": want a port, 0 to 65535`,
		"-admin=127.0.0.1:9901":       `-admin="127.0.0.1:9901": the page is a front's, want -proxy as well`,
		"-admin=here -proxy=a:1":      `-admin="here": want host:port or :port`,
		"-proxy=a:1,,b:1":             `-proxy="a:1,,b:1": entry 2 is empty`,
		"-proxy=a:1,A:1":              `-proxy="a:1,A:1": entry 2, "A:1": the same as entry 1, http://a:1/uppercase`,
		"-proxy=localhost":            `-proxy="localhost": entry 1, "localhost": no port, want host:port`,
		"-proxy":                      `flag needs an argument: -proxy`,
		"-port=80":                    `flag provided but not defined: -port`,
		"serve":                       `unexpected argument "serve", want flags only (or demo as the first)`,
		"-hedge false":                `unexpected argument "false", want flags only (or demo as the first)`,
		"-listen=:1 demo":             `unexpected argument "demo", want flags only (or demo as the first)`,
		"-max-attempts=0 -version -x": `flag provided but not defined: -x`,
	} {
		_, err := parseFlags(strings.Fields(args))
		if err == nil || err.Error() != want {
			t.Errorf("parseFlags(%s) = %v, want %s", args, err, want)
		}
	}
}

func TestUsageNamesEveryFlag(t *testing.T) {
	flagSet(new(config), new(string)).VisitAll(func(f *flag.Flag) {
		if !strings.Contains(usageText, "\n  -"+f.Name+" ") {
			t.Errorf("-h does not show -%s", f.Name)
		}
	})
	for line := range strings.Lines(usageText) {
		if len(line) > 81 || strings.Contains(line, "\t") {
			t.Errorf("-h has a line over 80 characters, or a tab: %q", line)
		}
	}
}

func TestCallTimeIsThatOfAFront(t *testing.T) {
	local, front := config{maxTime: time.Minute}, config{maxTime: time.Minute, proxy: []string{"http://a:1/uppercase"}}
	if local.callTime() != 0 || front.callTime() != time.Minute {
		t.Errorf("callTime() = %v, %v, want 0, 1m", local.callTime(), front.callTime())
	}
}
