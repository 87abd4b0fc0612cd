// Package page makes one self-contained HTML page of an experiment's results.
package page

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"

	"github.com/rota-go/rota/cmd/rota/internal/present"
	"github.com/rota-go/rota/sim"
)

// The page, and uPlot 1.6.32 (MIT, L. Kamenov, github.com/leeoniya/uPlot) as npm has it: 50 KB that draw lines on log
// scales, without dependencies.
//
//go:embed page.html page.css page.js uplot
var files embed.FS

// view is what the template sees.
type view struct {
	*sim.Report
	Title, Seeds, File string
	Results, Paper     present.Table
	Chart, Own         template.JS // uPlot, and what uses it
	Style, ChartStyle  template.CSS
}

// Render returns the page. file is the text of the experiment. The same arguments give the same bytes.
func Render(e *sim.Experiment, r *sim.Report, file []byte) ([]byte, error) {
	t, err := template.New("page.html").Funcs(template.FuncMap{
		"number": func(t present.Table, i int) bool { return i >= t.Left },
	}).ParseFS(files, "page.html")
	if err != nil {
		return nil, err
	}
	v := view{
		Report: r, Title: present.Title(r), Seeds: present.Seeds(r), File: string(file),
		Results: present.Results(r, e.Lists), Paper: present.Paper(r),
	}
	for name, into := range map[string]func(string){
		"page.js":                 func(s string) { v.Own = template.JS(s) },
		"page.css":                func(s string) { v.Style = template.CSS(s) },
		"uplot/uPlot.iife.min.js": func(s string) { v.Chart = template.JS(s) },
		"uplot/uPlot.min.css":     func(s string) { v.ChartStyle = template.CSS(s) },
	} {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		into(string(text))
	}
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
