package sim

import (
	"reflect"
	"strings"
)

// Metric returns one of the run's numbers by its name in JSON, such as latency_ms.p99, errors_by.timeout or
// services.backend.utilization. It reports false for a name that is none, and for a number that this run does not have.
func (r *Row) Metric(name string) (float64, bool) { return metric(reflect.ValueOf(r).Elem(), name) }

func metric(v reflect.Value, name string) (float64, bool) {
	switch v.Kind() {
	case reflect.Float64:
		if name == "" {
			return v.Float(), true
		}
	case reflect.Pointer:
		return metric(v.Elem(), name)
	case reflect.Map:
		if e := v.MapIndex(reflect.ValueOf(name)); e.IsValid() {
			return e.Float(), true
		}
		return 0, name != ""
	case reflect.Slice:
		at := strings.LastIndex(name, ".")
		for i := range v.Len() {
			if s, ok := v.Index(i).Interface().(ServiceRun); ok && at >= 0 && s.Name == name[:at] {
				return metric(v.Index(i), name[at+1:])
			}
		}
	case reflect.Struct:
		key, rest, _ := strings.Cut(name, ".")
		for i := range v.NumField() {
			if jsonName(v.Type().Field(i)) == key {
				return metric(v.Field(i), rest)
			}
		}
	}
	return 0, false
}

// Metrics returns the names of the numbers that every run may have; those by service and by error are not among them.
func Metrics() []string { return metrics(reflect.TypeFor[Row](), "") }

func metrics(t reflect.Type, prefix string) []string {
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, typ := prefix+jsonName(f), f.Type
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		switch typ.Kind() {
		case reflect.Float64:
			names = append(names, name)
		case reflect.Struct:
			if typ != reflect.TypeFor[Series]() {
				names = append(names, metrics(typ, name+".")...)
			}
		}
	}
	return names
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
