package page_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/rota-go/rota/cmd/rota/internal/page"
	"github.com/rota-go/rota/sim"
)

const file = "name: e1\nabout: </script><img src=x onerror=alert(1)>\n"

func report() *sim.Report {
	return &sim.Report{Experiment: "e1", About: "</script><b>bold</b>", Seed: 1, Seeds: 3, Runs: []sim.Row{{
		Policy: "rr<", Load: 0.9, Latency: sim.Latency{P99: 281}, Calls: 100,
		Histogram: []sim.Bin{{Upto: 1, Count: 90}, {Upto: 2, Count: 10}}, RIFShares: []float64{0.5, 0.5},
		Series: &sim.Series{Every: 1, Offered: []float64{3, 4}, Goodput: []float64{3, 4}, Load: []sim.Replicas{{Name: "a", RIF: []float64{1, 2}}}},
		Paper:  []sim.Comparison{{Metric: "latency_ms.p99", Paper: 281, Ours: 281, Ratio: 1}},
	}}}
}

func TestRenderEmbedsTheData(t *testing.T) {
	html := render(t)
	_, rest, _ := strings.Cut(html, `<script type="application/json" id="report">`)
	data, _, ok := strings.Cut(rest, "</script>")
	if !ok {
		t.Fatal("no data in the page")
	}
	var got sim.Report
	if err := json.Unmarshal([]byte(data), &got); err != nil {
		t.Fatal(err)
	}
	if want := report(); !reflect.DeepEqual(&got, want) {
		t.Errorf("the page has %+v, want %+v", got, want)
	}
	for _, want := range []string{"rr&lt;", `<td class="number">281</td>`, "seeds 1 to 3", "name: e1\nabout: &lt;/script&gt;", "Beside what was published"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page does not contain %q", want)
		}
	}
	if html != render(t) {
		t.Error("the same report makes another page")
	}
}

func TestRenderParses(t *testing.T) {
	// Scripts and styles are no markup; all else is well formed but for elements that HTML never closes.
	html := regexp.MustCompile(`(?s)<(script|style)[^>]*>.*?</(script|style)>`).ReplaceAllString(render(t), "")
	html = regexp.MustCompile(`<!DOCTYPE html>|<meta [^>]*>`).ReplaceAllString(html, "")
	d := xml.NewDecoder(strings.NewReader(html))
	d.Entity = xml.HTMLEntity
	seen := make(map[string]int)
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			seen[e.Name.Local]++
		}
	}
	for element, want := range map[string]int{"table": 2, "details": 1, "noscript": 1, "h1": 1, "img": 0, "b": 0, "link": 0} {
		if seen[element] != want {
			t.Errorf("the page has %d of <%s>, want %d", seen[element], element, want)
		}
	}
}

func TestRenderRefersToNothingOutside(t *testing.T) {
	html := render(t)
	for _, reference := range []string{`\ssrc\s*=`, `\shref\s*=`, `@import`, `url\(`, `fetch\(`, `XMLHttpRequest`, `import\(`, `WebSocket`} {
		if at := regexp.MustCompile(reference).FindStringIndex(strings.ReplaceAll(html, "&lt;img src=x", "")); at != nil {
			t.Errorf("the page has %q", html[max(at[0]-40, 0):at[1]+40])
		}
	}
	if !strings.Contains(html, `content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"`) {
		t.Error("the page does not forbid requests")
	}
}

func render(t *testing.T) string {
	t.Helper()
	html, err := page.Render(&sim.Experiment{Name: "e1"}, report(), []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(html))
}
