package tree

import "reflect"

// structField is a field of a struct, or of one embedded in it.
type structField struct {
	key   string
	index []int
	typ   reflect.Type
}

// fieldsOf returns what documents may say of a struct, in the order of its declaration. A field of the struct itself
// hides one of the same name in an embedded struct, as in Go.
func fieldsOf(t reflect.Type) []structField {
	var fields []structField
	for _, f := range reflect.VisibleFields(t) {
		if !f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct || f.Type.Kind() == reflect.Func {
			continue
		}
		fields = append(fields, structField{Key(f.Name), f.Index, f.Type})
	}
	return fields
}

// Keys returns the keys of a struct's type, in the order of its fields.
func Keys(t reflect.Type) []string { return fieldKeys(fieldsOf(t)) }

func fieldKeys(fields []structField) []string {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	return keys
}

func find(fields []structField, key string) *structField {
	for i := range fields {
		if fields[i].key == key {
			return &fields[i]
		}
	}
	return nil
}
