// Package file provides a rota.Resolver that reads a file, and notices when somebody writes, replaces or relinks it.
//
//	rota.New(rota.Config{Service: "users", Resolver: &file.Resolver{Path: "/etc/rota/users.json"}})
//
// The file has one address a line, and after it what else there is to say:
//
//	# users, both zones
//	10.0.0.1:8080
//	10.0.0.2:8080              weight=3
//	https://users.far.internal priority=1
//
// Or it is JSON, in one of these forms:
//
//	["10.0.0.1:8080", {"addr": "10.0.0.2:8080", "weight": 3}]
//	{"instances": [{"addr": "https://users.far.internal", "priority": 1}]}
//
// An address is host:port or a URL; a weight is 1 to 1,000,000 and a priority 0 to 65,535, as in rota.Instance. A file may
// have 8 MiB and 10,000 instances. To list one twice is an error only if the two differ.
//
// The content alone says whether the file has changed: times of files are too coarse, and say nothing where a symbolic link
// was turned, as Kubernetes does for a ConfigMap. A file that cannot be read, or is wrong or empty, changes nothing.
package file
