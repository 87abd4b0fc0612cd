package tree

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Decoder is a type that decodes itself. Errors that come from Decode keep their place.
type Decoder interface {
	DecodeTree(n *Node) error
}

// validator is a type that knows what cannot be meant. An error that begins with a field, as in
// "rota: Retry.Attempts = -1, want >= 1", is put to that field's line.
type validator interface {
	Validate() error
}

// Decode stores the document in what into points to. What is left out stays as it is.
//
// A struct is a mapping with a key for every exported field (see Key); those of embedded structs are its own. A struct of
// two or three scalars may be written as a list of them, in order. A nil pointer is what is off (null, false, off); a
// struct behind one is on with all its defaults as {}, true or on. Maps have strings as keys. A duration is a string
// with a unit, or 0. Numbers must fit.
//
// The error is all that is wrong, each an Error (see All), in the order of lines.
func Decode(n *Node, into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("tree: cannot decode into %T, want a pointer", into)
	}
	var d decoder
	if n == nil {
		n = &Node{}
	}
	d.value(n, "", v.Elem())
	return Join(d.errs)
}

type decoder struct{ errs []*Error }

func (d *decoder) fail(n *Node, path, format string, args ...any) {
	d.errs = append(d.errs, &Error{n.Line, path, fmt.Errorf(format, args...)})
}

// value decodes n, at path, into v, and lets v check itself if that went well.
func (d *decoder) value(n *Node, path string, v reflect.Value) {
	before := len(d.errs)
	self, _ := v.Addr().Interface().(Decoder)
	switch {
	case v.Kind() == reflect.Pointer:
		d.pointer(n, path, v)
		return // what it points to has checked itself
	case self != nil:
		for _, e := range All(self.DecodeTree(n)) {
			d.errs = append(d.errs, &Error{cmp.Or(e.Line, n.Line), join(path, e.Path), e.Err})
		}
	default:
		d.plain(n, path, v)
	}
	if valid, ok := v.Addr().Interface().(validator); ok && len(d.errs) == before {
		if err := valid.Validate(); err != nil {
			d.invalid(n, path, err)
		}
	}
}

// invalid puts the error of a validator to the field that it names.
func (d *decoder) invalid(n *Node, path string, err error) {
	text := err.Error()
	if name, rest, ok := strings.Cut(text, " = "); ok {
		if _, after, ok := strings.Cut(name, ": "); ok {
			name = after
		}
		if !strings.ContainsAny(name, " :[") && name != "" {
			name = keys(name)
			if first, below := cutPath(name); n.field(first) == nil && below != "" {
				name = below // the type's name came first
			}
			at := n.Errorf(name, "%s", rest)
			d.errs = append(d.errs, &Error{at.Line, join(path, at.Path), at.Err})
			return
		}
	}
	d.errs = append(d.errs, &Error{n.Line, path, err})
}

func (d *decoder) pointer(n *Node, path string, v reflect.Value) {
	isStruct := v.Type().Elem().Kind() == reflect.Struct
	if n.Kind == Null || isStruct && n.Off() {
		v.SetZero()
		return
	}
	// Never into what is there: it may be shared.
	to := reflect.New(v.Type().Elem())
	if !v.IsNil() {
		to.Elem().Set(v.Elem())
	}
	v.Set(to)
	if isStruct && n.on() {
		n = &Node{Kind: Map, Line: n.Line}
	}
	d.value(n, path, to.Elem())
}

func (d *decoder) plain(n *Node, path string, v reflect.Value) {
	if n.Kind == Null {
		v.SetZero()
		return
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d.duration(n, path, v)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, path, v)
	case reflect.Slice:
		d.slice(n, path, v)
	case reflect.Map:
		d.mapping(n, path, v)
	default:
		d.scalar(n, path, v)
	}
}

func (d *decoder) slice(n *Node, path string, v reflect.Value) {
	if n.Kind != List {
		d.fail(n, path, "%s, want a list", describe(n))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Items), len(n.Items))
	for i, item := range n.Items {
		d.value(item, fmt.Sprintf("%s[%d]", path, i), out.Index(i))
	}
	v.Set(out)
}

func (d *decoder) mapping(n *Node, path string, v reflect.Value) {
	if n.Kind != Map || v.Type().Key().Kind() != reflect.String {
		d.fail(n, path, "%s, want a mapping", describe(n))
		return
	}
	out := reflect.MakeMap(v.Type())
	for _, f := range n.Fields {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(f.Value, join(path, f.Key), item)
		out.SetMapIndex(reflect.ValueOf(f.Key).Convert(v.Type().Key()), item)
	}
	v.Set(out)
}

func (d *decoder) structure(n *Node, path string, v reflect.Value) {
	fields := fieldsOf(v.Type())
	if n.Kind == List && short(fields) {
		if len(n.Items) != len(fields) {
			d.fail(n, path, "%d values, want %s", len(n.Items), strings.Join(fieldKeys(fields), ", "))
			return
		}
		for i, item := range n.Items {
			d.value(item, fmt.Sprintf("%s[%d]", path, i), v.FieldByIndex(fields[i].index))
		}
		return
	}
	if n.Kind != Map {
		d.fail(n, path, "%s, want a mapping", describe(n))
		return
	}
	for _, f := range n.Fields {
		field := find(fields, f.Key)
		if field == nil {
			d.errs = append(d.errs, &Error{f.Line, join(path, f.Key),
				fmt.Errorf("%s", Unknown("key", f.Key, fieldKeys(fields)))})
			continue
		}
		d.value(f.Value, join(path, f.Key), v.FieldByIndex(field.index))
	}
}

// short reports whether a struct may be written as a list.
func short(fields []structField) bool {
	for _, f := range fields {
		switch f.typ.Kind() {
		case reflect.Struct, reflect.Slice, reflect.Map, reflect.Pointer:
			return false
		}
	}
	return len(fields) == 2 || len(fields) == 3
}
