package file_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/resolve/file"
)

// temporary writes a file that stands for one of yours.
func temporary(content string) (path string, remove func()) {
	dir, err := os.MkdirTemp("", "rota")
	if err != nil {
		panic(err)
	}
	path = filepath.Join(dir, "users")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		panic(err)
	}
	return path, func() { os.RemoveAll(dir) }
}

func ExampleResolver_Resolve() {
	path, remove := temporary(`{"instances": [
		"10.0.0.1:8080",
		{"addr": "10.0.0.2:8080", "weight": 3},
		{"addr": "https://users.far.internal", "priority": 1}
	]}`)
	defer remove()

	r := &file.Resolver{Path: path}
	ctx, cancel := context.WithCancel(context.Background())
	r.Resolve(ctx, func(set []rota.Instance) {
		for _, inst := range set {
			fmt.Println(inst.Addr, inst.Weight, inst.Priority)
		}
		cancel()
	})
	// Output:
	// 10.0.0.1:8080 0 0
	// 10.0.0.2:8080 3 0
	// https://users.far.internal 0 1
}

func ExampleResolver_Refresh() {
	path, remove := temporary("10.0.0.1:8080\n")
	defer remove()

	looks := 0
	r := &file.Resolver{Path: path}
	ctx, cancel := context.WithCancel(context.Background())
	r.Resolve(ctx, func([]rota.Instance) {
		if looks++; looks == 2 {
			cancel()
		}
		r.Refresh() // as the calls of a Client do when replicas fail; else the next look is a second away
	})
	fmt.Println(looks)
	// Output: 2
}

func ExampleResolver_Validate() {
	fmt.Println((&file.Resolver{}).Validate())
	// Output: file: Path is empty, want the path of a file with addresses
}
