package config_test

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rota-go/rota/config"
	"github.com/rota-go/rota/internal/tree"
)

// TestTheDocumentHasEveryKey keeps docs/SIMULATOR.md, the policy and the balancers together.
func TestTheDocumentHasEveryKey(t *testing.T) {
	text, err := os.ReadFile("../docs/SIMULATOR.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]map[string]string) // by section and first cell, what follows
	for _, section := range strings.Split(string(text), "\n### ")[1:] {
		title, body, _ := strings.Cut(section, "\n")
		rows[title] = make(map[string]string)
		for line := range strings.Lines(body) {
			if cells := strings.Split(line, "|"); len(cells) > 3 && strings.HasPrefix(cells[1], " `") {
				rows[title][strings.Trim(cells[1], " `")] = cells[2]
			}
		}
	}
	policy := reflect.TypeFor[config.Policy]()
	want := tree.Keys(policy)
	for _, f := range reflect.VisibleFields(policy) {
		part := f.Type
		if part.Kind() == reflect.Pointer {
			part = part.Elem()
		}
		if part.Kind() == reflect.Struct && !f.Anonymous && f.Name != "Balancer" {
			mentions(t, "policy: "+tree.Key(f.Name), rows["policy"][tree.Key(f.Name)], tree.Keys(part))
		}
	}
	if len(rows["policy"]) != len(want) {
		t.Errorf("the section policy has %d keys, want %v", len(rows["policy"]), want)
	}
	for _, key := range want {
		if _, ok := rows["policy"][key]; !ok {
			t.Errorf("the section policy does not have %s", key)
		}
	}
	for _, name := range config.Balancers() {
		row, ok := rows["balancers"][name]
		if !ok {
			t.Errorf("the section balancers does not have %s", name)
		}
		mentions(t, "balancer "+name, row, tree.Keys(config.ParamsOf(name)))
	}
	if len(rows["balancers"]) != len(config.Balancers()) {
		t.Errorf("the section balancers has %d names, want %d", len(rows["balancers"]), len(config.Balancers()))
	}
}

// mentions wants all keys in a row's text.
func mentions(t *testing.T, what, row string, keys []string) {
	t.Helper()
	words := strings.FieldsFunc(row, func(r rune) bool { return r == '`' })
	for _, key := range keys {
		if !slices.Contains(words, key) {
			t.Errorf("%s does not mention `%s`", what, key)
		}
	}
}
