package sim_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rota-go/rota/internal/tree"
	"github.com/rota-go/rota/sim"
)

// TestTheDocumentHasEveryKey keeps docs/SIMULATOR.md and the structs together, both ways.
func TestTheDocumentHasEveryKey(t *testing.T) {
	text, err := os.ReadFile("../docs/SIMULATOR.md")
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]any{
		"experiment": sim.Experiment{}, "step": sim.Step{}, "network": sim.Network{}, "service": sim.Service{},
		"server": sim.Server{}, "limit": sim.Limit{}, "capacity": sim.Capacity{}, "stratum": sim.Stratum{},
		"group": sim.Group{}, "downstream": sim.Downstream{}, "client": sim.Client{}, "fault": sim.Fault{},
		"variant": sim.Variant{}, "published": sim.Published{}, "distribution": sim.Dist{},
	}
	row := regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\|")
	for _, section := range strings.Split(string(text), "\n### ")[1:] {
		title, body, _ := strings.Cut(section, "\n")
		of, ok := types[title]
		if !ok {
			continue // of package config
		}
		delete(types, title)
		var found []string
		for _, m := range row.FindAllStringSubmatch(body, -1) {
			found = append(found, m[1])
		}
		want := tree.Keys(reflect.TypeOf(of))
		if slices.Sort(found); !slices.Equal(found, slices.Sorted(slices.Values(want))) {
			t.Errorf("the section %s has %v, want %v", title, found, want)
		}
	}
	for title := range types {
		t.Errorf("there is no section %s", title)
	}
}
