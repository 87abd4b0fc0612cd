package main

import (
	"bytes"
	"flag"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v4"

	"github.com/rota-go/rota/cmd/rota/internal/document"
	"github.com/rota-go/rota/cmd/rota/internal/proxy"
	"github.com/rota-go/rota/cmd/rota/internal/setup"
	"github.com/rota-go/rota/internal/tree"
	"github.com/rota-go/rota/rotahttp"
)

// documented returns the keys in the table under a heading of docs/PROXY.md.
func documented(t *testing.T, doc, heading string) []string {
	t.Helper()
	_, rest, ok := strings.Cut(doc, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("docs/PROXY.md has no %q", heading)
	}
	if i := strings.Index(rest, "\n#"); i >= 0 {
		rest = rest[:i]
	}
	var keys []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(rest, -1) {
		keys = append(keys, m[1])
	}
	return keys
}

// Every key of the file and every flag is described, and nothing else.
func TestProxyDocsAreComplete(t *testing.T) {
	text, err := os.ReadFile("../../docs/PROXY.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(text)
	for heading, of := range map[string]any{
		"### The file": setup.Setup{}, "### listeners": setup.Listener{}, "### listeners[].tls": setup.ServerTLS{}, "### routes": setup.Route{},
		"### routes[].rate": setup.Rate{}, "### routes[].rewrite": setup.Rewrite{}, "### routes[].rewrite.request, .response": setup.Headers{},
		"### services": setup.Service{}, "### services.NAME.tls": setup.ClientTLS{}, "### services.NAME.check": rotahttp.Check{},
		"### listeners[].limit": rotahttp.Limit{}, "### access_log": setup.AccessLog{}, "### forwarded": setup.Forwarded{},
		"### admin": setup.Admin{}, "### drain": setup.Drain{}, "### debug": setup.Debug{},
	} {
		want, got := tree.Keys(reflect.TypeOf(of)), documented(t, doc, heading)
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			t.Errorf("%s describes %q, want %q", heading, got, want)
		}
	}
	var flags []string
	set := flag.NewFlagSet("", flag.ContinueOnError)
	new(proxyFlags).define(set)
	set.VisitAll(func(f *flag.Flag) { flags = append(flags, "-"+f.Name) })
	got := documented(t, doc, "## Flags")
	slices.Sort(got)
	if !slices.Equal(flags, got) {
		t.Errorf("## Flags describes %q, want %q", got, flags)
	}
}

// described takes down the names of what is registered with it.
type described struct {
	prometheus.Registerer
	names []string
}

func (d *described) MustRegister(list ...prometheus.Collector) {
	for _, c := range list {
		ch := make(chan *prometheus.Desc)
		go func() {
			defer close(ch)
			c.Describe(ch)
		}()
		for desc := range ch {
			d.names = append(d.names, regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(desc.String())[1])
		}
	}
}

// Every metric is described, and nothing else.
func TestMetricsAreDescribed(t *testing.T) {
	text, err := os.ReadFile("../../docs/PROXY.md")
	if err != nil {
		t.Fatal(err)
	}
	var want described
	proxy.NewMetrics(&want)
	got := documented(t, string(text), "## Metrics")
	slices.Sort(want.names)
	slices.Sort(got)
	if !slices.Equal(want.names, got) {
		t.Errorf("## Metrics describes %q, want %q", got, want.names)
	}
}

// What rota init writes, and what stands in docs and examples, is taken by rota check.
func TestExamplesAreGood(t *testing.T) {
	texts := map[string]string{"example.yaml": example}
	manifest, err := os.ReadFile("../../examples/kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var first struct{ Data map[string]string }
	if err := yaml.NewDecoder(bytes.NewReader(manifest)).Decode(&first); err != nil {
		t.Fatal(err)
	}
	texts["kubernetes.yaml"] = first.Data["rota.yaml"]
	proxyDoc, err := os.ReadFile("../../docs/PROXY.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(proxyDoc), -1) {
		texts["PROXY.md: "+m[1][:20]] = m[1]
	}
	if len(texts) < 3 {
		t.Fatalf("%d examples were found", len(texts))
	}
	for name, text := range texts {
		n, err := document.ParseYAML([]byte(text))
		if err == nil {
			_, err = setup.FromTree(n)
		}
		if err != nil {
			t.Errorf("%s: %v", name, document.Errors(name, err))
		}
	}
	// what is commented out is meant to be uncommented
	n, err := document.ParseYAML([]byte(regexp.MustCompile(`(?m)^(\s*)# (  |- |[a-z_]+:)`).ReplaceAllString(example, "$1$2")))
	if err == nil {
		_, err = setup.FromTree(n)
	}
	if err != nil {
		t.Errorf("with what is commented out: %v", document.Errors("example.yaml", err))
	}
}
