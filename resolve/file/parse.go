package file

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/resolve/internal/addr"
)

// Bounds of what a file may say.
const (
	maxInstances = 10_000
	maxWeight    = 1_000_000
	maxPriority  = 65_535
)

// parse reads a whole file of either form. The path is for errors: "file: path:line: what is wrong".
func parse(path string, content []byte) ([]rota.Instance, error) {
	content = bytes.TrimPrefix(content, []byte("\ufeff")) // Windows editors put it there
	l := list{path: path}
	if at := invalidUTF8(content); at >= 0 {
		return nil, l.errorf(lineAt(content, at), "not UTF-8, want a text of addresses or JSON")
	}
	var err error
	if isJSON(content) {
		err = parseJSON(&l, content)
	} else {
		err = parseLines(&l, content)
	}
	switch {
	case err != nil:
		return nil, err
	case len(l.instances) == 0:
		return nil, fmt.Errorf("file: %s lists no instance", path)
	}
	return l.instances, nil
}

// isJSON tells the forms apart by the first byte that counts. "[" also begins an IPv6 address, whose next byte is a digit or
// a colon, as no array of ours has.
func isJSON(content []byte) bool {
	content = bytes.TrimLeft(content, " \t\r\n")
	if len(content) == 0 || content[0] != '[' {
		return len(content) > 0 && content[0] == '{'
	}
	content = bytes.TrimLeft(content[1:], " \t\r\n")
	return len(content) == 0 || !strings.ContainsRune("0123456789abcdefABCDEF:", rune(content[0]))
}

// list is what a file has said so far.
type list struct {
	path      string
	instances []rota.Instance
	lines     map[string]int // where each address stood
	at        map[string]int // where it is in instances
}

func (l *list) errorf(line int, format string, args ...any) error {
	return fmt.Errorf("file: %s:%d: %s", l.path, line, fmt.Sprintf(format, args...))
}

func (l *list) add(line int, inst rota.Instance) error {
	if err := addr.Check(inst.Addr); err != nil {
		return l.errorf(line, "%v", err)
	}
	if i, known := l.at[inst.Addr]; known {
		if l.instances[i] != inst {
			return l.errorf(line, "%s has another weight or priority on line %d, want one of the two", inst.Addr, l.lines[inst.Addr])
		}
		return nil
	}
	if len(l.instances) == maxInstances {
		return l.errorf(line, "more than %d instances", maxInstances)
	}
	if l.at == nil {
		l.at, l.lines = make(map[string]int), make(map[string]int)
	}
	l.at[inst.Addr], l.lines[inst.Addr] = len(l.instances), line
	l.instances = append(l.instances, inst)
	return nil
}

// set sets what key names. Who writes a weight of 0 means that nothing should be sent, which is said by leaving the
// instance out.
func (l *list) set(line int, inst *rota.Instance, key, value string) error {
	to, least, most := &inst.Weight, 1, maxWeight
	if key == "priority" {
		to, least, most = &inst.Priority, 0, maxPriority
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		return l.errorf(line, "%s is %.40q, want a whole number of %d to %d", key, value, least, most)
	}
	*to = n
	return nil
}

// parseLines reads "addr weight=n priority=n" a line.
func parseLines(l *list, content []byte) error {
	number := 0
	for text := range strings.Lines(string(content)) {
		number++
		fields := strings.Fields(text)
		for i, f := range fields { // a "#" within a word belongs to it
			if f[0] == '#' {
				fields = fields[:i]
				break
			}
		}
		if len(fields) == 0 {
			continue
		}
		inst := rota.Instance{Addr: fields[0]}
		seen := make(map[string]bool)
		for _, f := range fields[1:] {
			key, value, ok := strings.Cut(f, "=")
			if !ok || key != "weight" && key != "priority" {
				return l.errorf(number, "%.40q after the address, want weight=… or priority=…", f)
			}
			if seen[key] {
				return l.errorf(number, "%s is given twice", key)
			}
			seen[key] = true
			if err := l.set(number, &inst, key, value); err != nil {
				return err
			}
		}
		if err := l.add(number, inst); err != nil {
			return err
		}
	}
	return nil
}

// invalidUTF8 returns where content stops being UTF-8, -1 if it does not.
func invalidUTF8(content []byte) int {
	for at := 0; at < len(content); {
		r, size := utf8.DecodeRune(content[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}

// lineAt returns the number of the line of a byte.
func lineAt(content []byte, at int) int {
	return 1 + bytes.Count(content[:min(at, len(content))], []byte("\n"))
}
