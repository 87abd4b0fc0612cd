// Package document reads files of YAML or JSON, with the line of everything in them.
package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rota-go/rota/internal/tree"
)

// Read returns the document in a file, and its text. It is JSON if the file is called so or begins with a brace, and YAML
// otherwise. The error names file and line: see Errors.
func Read(name string) (*tree.Node, []byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	return From(name, f)
}

// From is Read of what r has, under the name that errors are to have.
func From(name string, r io.Reader) (*tree.Node, []byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, tree.MaxBytes+1))
	if err != nil {
		return nil, nil, err
	}
	if len(text) > tree.MaxBytes {
		return nil, nil, fmt.Errorf("%s: more than %d bytes", name, tree.MaxBytes)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	n, err := parse(name, text)
	return n, text, Errors(name, err)
}

func parse(name string, text []byte) (*tree.Node, error) {
	switch filepath.Ext(name) {
	case ".json":
		return tree.ParseJSON(text)
	case ".yaml", ".yml":
		return ParseYAML(text)
	}
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return tree.ParseJSON(text)
	}
	return ParseYAML(text)
}

// Errors writes an error about a document as editors and compilers do: FILE:14: policies[2].name: ….
func Errors(name string, err error) error {
	var list []error
	for _, e := range tree.All(err) {
		at := name
		if e.Line > 0 {
			at = fmt.Sprintf("%s:%d", name, e.Line)
		}
		if e.Path != "" {
			at += ": " + e.Path
		}
		list = append(list, fmt.Errorf("%s: %w", at, e.Err))
	}
	return errors.Join(list...)
}
