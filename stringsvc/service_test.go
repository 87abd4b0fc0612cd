package stringsvc_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/rota-go/rota/stringsvc"
)

func ExampleNewLocal() {
	ctx := context.Background()
	s := stringsvc.NewLocal()
	v, err := s.Uppercase(ctx, "hello")
	fmt.Println(v, err)
	_, err = s.Uppercase(ctx, "")
	fmt.Println(err, err == stringsvc.ErrEmpty)
	fmt.Println(s.Count(ctx, "né"))
	// Output:
	// HELLO <nil>
	// empty string true
	// 3
}

func ExampleAsBusiness() {
	err := fmt.Errorf("replica b: %w", stringsvc.BusinessError("empty string"))
	answer, ok := stringsvc.AsBusiness(err)
	fmt.Println(answer, ok, errors.Is(err, stringsvc.ErrEmpty))
	_, ok = stringsvc.AsBusiness(context.DeadlineExceeded)
	fmt.Println(ok)
	// Output:
	// empty string true true
	// false
}

func TestLocal(t *testing.T) {
	for _, tt := range []struct {
		s, upper string
		err      error
		count    int
	}{
		{s: "hello", upper: "HELLO", count: 5},
		{s: "", err: stringsvc.ErrEmpty, count: 0},
		{s: " ", upper: " ", count: 1},
		{s: "straße ǆ", upper: "STRAßE Ǆ", count: 10},
		{s: "日本", upper: "日本", count: 6},
	} {
		v, err := stringsvc.NewLocal().Uppercase(t.Context(), tt.s)
		if v != tt.upper || err != tt.err {
			t.Errorf("Uppercase(%q) = %q, %v, want %q, %v", tt.s, v, err, tt.upper, tt.err)
		}
		if n := stringsvc.NewLocal().Count(t.Context(), tt.s); n != tt.count {
			t.Errorf("Count(%q) = %d, want %d", tt.s, n, tt.count)
		}
	}
}

// fake is a Service made of functions; one that is nil is the local service's.
type fake struct {
	stringsvc.Local
	uppercase func(context.Context, string) (string, error)
	count     func(context.Context, string) int
}

func (f fake) Uppercase(ctx context.Context, s string) (string, error) {
	if f.uppercase == nil {
		return f.Local.Uppercase(ctx, s)
	}
	return f.uppercase(ctx, s)
}

func (f fake) Count(ctx context.Context, s string) int {
	if f.count == nil {
		return f.Local.Count(ctx, s)
	}
	return f.count(ctx, s)
}
