package main

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// parseAround parses flags that may stand before, between and after files, which it returns.
func parseAround(set *flag.FlagSet, args []string) (files []string, err error) {
	for len(args) > 0 {
		if err := set.Parse(args); err != nil {
			return nil, err
		}
		if args = set.Args(); len(args) > 0 {
			files, args = append(files, args[0]), args[1:]
		}
	}
	return files, nil
}

// writeFiles writes NAME with each of the endings. Each file is there whole or not at all, and what was there stays until
// the new one is whole.
func writeFiles(dir, name string, contents map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, ending := range slices.Sorted(maps.Keys(contents)) {
		if err := writeFile(filepath.Join(dir, name+ending), contents[ending]); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".rota-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone under this name if all went well
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
