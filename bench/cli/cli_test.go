package cli_test

import (
	"errors"
	"flag"
	"strings"
	"testing"

	"github.com/rota-go/rota/bench/cli"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		args, said string
		err        error // nil = any, if said is not empty
	}{
		{"-n=1", "", nil},
		{"-n=1 rest", "x: unwanted rest\n", nil},
		{"-n=one", "invalid value", nil},
		{"-h", "how to use x\n", flag.ErrHelp},
	} {
		f := flag.NewFlagSet("x", flag.ContinueOnError)
		f.Int("n", 0, "a number")
		var w strings.Builder
		err := cli.Parse(f, "how to use x\n", strings.Fields(test.args), &w, func(rest []string) error {
			if len(rest) > 0 {
				return errors.New("unwanted " + rest[0])
			}
			return nil
		})
		if (err != nil) != (test.said != "") || test.err != nil && err != test.err || !strings.HasPrefix(w.String(), test.said) || err == nil && w.Len() > 0 {
			t.Errorf("%s: %v, saying %q; want %q", test.args, err, w.String(), test.said)
		}
	}
}
