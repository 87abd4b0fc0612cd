package rotadash_test

import (
	"bytes"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/rota-go/rota/rotadash"
)

// TestThePageIsOfOnePiece: the policy that is sent forbids what is not; here a mistake is found without a browser.
func TestThePageIsOfOnePiece(t *testing.T) {
	// What makes HTML of text: names of replicas and errors are others' text.
	html := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\("on`)
	elsewhere := regexp.MustCompile(`(https?:)?//[a-z0-9-]+\.[a-z]`)
	inline := regexp.MustCompile(`<script>|<style|style="|\son[a-z]+="|javascript:`)
	err := fs.WalkDir(os.DirFS("page"), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(name, "uplot/") || path.Ext(name) == ".svg" {
			return err
		}
		data, err := os.ReadFile("page/" + name)
		data = bytes.ReplaceAll(data, []byte("http://www.w3.org/2000/svg"), nil) // a name, and nowhere
		for what, re := range map[string]*regexp.Regexp{"makes HTML of text": html, "names another host": elsewhere, "has something inline": inline} {
			if m := re.Find(data); m != nil {
				t.Errorf("%s %s: %q", name, what, m)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryFileThatThePageNamesIsThere(t *testing.T) {
	d := newDash(t, rotadash.Params{})
	page := answer(d, httptest.NewRequest(http.MethodGet, "http://localhost/", nil)).Body.String()
	files := regexp.MustCompile(`/assets/[A-Za-z0-9.]+`).FindAllString(page, -1)
	app, err := os.ReadFile("page/app.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`from "\./([a-z]+\.js)"`).FindAllSubmatch(app, -1) {
		files = append(files, "/assets/"+string(m[1]))
	}
	if len(files) < 10 {
		t.Errorf("only %v", files)
	}
	for _, f := range files {
		rec := answer(d, httptest.NewRequest(http.MethodGet, "http://localhost"+f, nil))
		kind := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}[path.Ext(f)]
		if rec.Code != 200 || rec.Header().Get("Content-Type") != kind {
			t.Errorf("%s = %d, %s, want 200, %s", f, rec.Code, rec.Header().Get("Content-Type"), kind)
		}
		again := httptest.NewRequest(http.MethodGet, "http://localhost"+f, nil)
		again.Header.Set("If-None-Match", rec.Header().Get("ETag"))
		if rec := answer(d, again); rec.Code != http.StatusNotModified {
			t.Errorf("%s again = %d, want 304", f, rec.Code)
		}
	}
	for _, f := range []string{"/assets/index.html", "/assets/none.js", "/assets/../dash.go", "/none"} {
		if rec := answer(d, httptest.NewRequest(http.MethodGet, "http://localhost"+f, nil)); rec.Code == 200 {
			t.Errorf("%s = 200", f)
		}
	}
}
