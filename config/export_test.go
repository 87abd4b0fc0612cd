package config

import "reflect"

// ParamsOf returns the type of a balancer's parameters.
func ParamsOf(name string) reflect.Type {
	k, _ := lookup(name)
	return reflect.TypeOf(k.params)
}
