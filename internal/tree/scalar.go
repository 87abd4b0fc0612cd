package tree

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
)

// describe names what was found where something else is wanted.
func describe(n *Node) string {
	switch n.Kind {
	case Number, Bool:
		return fmt.Sprintf("%.40s", n.Text)
	case String:
		return fmt.Sprintf("%.40q", n.Text)
	}
	return n.Kind.String()
}

func (d *decoder) duration(n *Node, path string, v reflect.Value) {
	switch n.Kind {
	case Number:
		if f, err := strconv.ParseFloat(n.Text, 64); err != nil || f != 0 {
			d.fail(n, path, "%s has no unit, want a duration such as %s", describe(n), `"1.5s" or "20ms"`)
			return
		}
		v.SetInt(0)
	case String:
		t, err := time.ParseDuration(n.Text)
		if err != nil {
			d.fail(n, path, "%s, want a duration such as %s", describe(n), `"1.5s" or "20ms"`)
			return
		}
		v.SetInt(int64(t))
	default:
		d.fail(n, path, "%s, want a duration such as %s", describe(n), `"1.5s" or "20ms"`)
	}
}

func (d *decoder) scalar(n *Node, path string, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if n.Kind != String && n.Kind != Number {
			d.fail(n, path, "%s, want a string", describe(n))
			return
		}
		v.SetString(n.Text)
	case reflect.Bool:
		if n.Kind != Bool {
			d.fail(n, path, "%s, want true or false", describe(n))
			return
		}
		v.SetBool(n.Text == "true")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if i, ok := whole(n); !ok || v.OverflowInt(i) {
			d.fail(n, path, "%s, want a whole number of at most %d bits", describe(n), v.Type().Bits())
		} else {
			v.SetInt(i)
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if u, ok := natural(n); !ok || v.OverflowUint(u) {
			d.fail(n, path, "%s, want a whole number from 0, of at most %d bits", describe(n), v.Type().Bits())
		} else {
			v.SetUint(u)
		}
	case reflect.Float32, reflect.Float64:
		f, ok := real(n)
		if !ok || v.OverflowFloat(f) {
			d.fail(n, path, "%s, want a number", describe(n))
			return
		}
		v.SetFloat(f)
	default:
		d.fail(n, path, "cannot be given in a document")
	}
}

// whole is a number without a fraction, in whichever notation: 1e6 is one.
func whole(n *Node) (int64, bool) {
	if n.Kind != Number {
		return 0, false
	}
	if i, err := strconv.ParseInt(n.Text, 10, 64); err == nil {
		return i, true
	}
	f, ok := real(n)
	exact := f == math.Trunc(f) && math.Abs(f) < 1<<53
	return int64(f), ok && exact
}

func natural(n *Node) (uint64, bool) {
	if n.Kind == Number {
		if u, err := strconv.ParseUint(n.Text, 10, 64); err == nil {
			return u, true
		}
	}
	i, ok := whole(n)
	return uint64(i), ok && i >= 0
}

func real(n *Node) (float64, bool) {
	if n.Kind != Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(n.Text, 64)
	return f, err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
}
