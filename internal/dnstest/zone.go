package dnstest

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// The types of records that a zone may have.
const (
	typeA     = 1
	typeCNAME = 5
	typeSOA   = 6
	typeAAAA  = 28
	typeSRV   = 33
)

func typeName(kind uint16) string {
	switch kind {
	case typeA:
		return "A"
	case typeCNAME:
		return "CNAME"
	case typeSOA:
		return "SOA"
	case typeAAAA:
		return "AAAA"
	case typeSRV:
		return "SRV"
	}
	return fmt.Sprintf("TYPE%d", kind)
}

// record is one line of a zone.
type record struct {
	name   string
	kind   uint16
	ttl    uint32
	data   []byte // as it goes on the wire
	target string // of a CNAME
}

// zone is all records, by name. It does not change.
type zone struct {
	records map[string][]record
	soa     *record
}

func parseZone(text string) (zone, error) {
	z := zone{records: make(map[string][]record)}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		r, err := parseRecord(fields)
		if err != nil {
			return zone{}, fmt.Errorf("line %d, %q: %w", number, strings.TrimSpace(line), err)
		}
		if r.kind == typeSOA {
			z.soa = &r
			continue
		}
		z.records[r.name] = append(z.records[r.name], r)
	}
	return z, nil
}

func parseRecord(fields []string) (record, error) {
	if len(fields) < 4 {
		return record{}, fmt.Errorf("want name, ttl, type and data")
	}
	ttl, err := strconv.ParseUint(fields[1], 10, 32)
	if err != nil {
		return record{}, fmt.Errorf("ttl: %w", err)
	}
	r := record{name: canonical(fields[0]), ttl: uint32(ttl)}
	data := fields[3:]
	switch fields[2] {
	case "A", "AAAA":
		ip, err := netip.ParseAddr(data[0])
		if err != nil {
			return record{}, err
		}
		r.kind, r.data = typeA, ip.AsSlice()
		if fields[2] == "AAAA" {
			r.kind = typeAAAA
		}
	case "CNAME":
		r.kind, r.target, r.data = typeCNAME, canonical(data[0]), appendName(nil, data[0])
	case "SRV":
		r.kind = typeSRV
		return r, r.setSRV(data)
	case "SOA":
		minimum, err := strconv.ParseUint(data[0], 10, 32)
		if err != nil {
			return record{}, fmt.Errorf("negative ttl: %w", err)
		}
		r.kind = typeSOA
		r.data = appendName(appendName(nil, "ns."+r.name), "admin."+r.name)
		for _, n := range []uint32{1, 3600, 600, 86400, uint32(minimum)} {
			r.data = binary.BigEndian.AppendUint32(r.data, n)
		}
	default:
		return record{}, fmt.Errorf("type %s, want A, AAAA, CNAME, SRV or SOA", fields[2])
	}
	return r, nil
}

func (r *record) setSRV(data []string) error {
	if len(data) != 4 {
		return fmt.Errorf("want priority, weight, port and target")
	}
	for _, field := range data[:3] {
		n, err := strconv.ParseUint(field, 10, 16)
		if err != nil {
			return err
		}
		r.data = binary.BigEndian.AppendUint16(r.data, uint16(n))
	}
	r.data = appendName(r.data, data[3])
	return nil
}

// lookup answers as a recursive resolver does: with the aliases on the way, then the records of the asked type.
func (z zone) lookup(name string, kind uint16) reply {
	var out reply
	for range 8 { // a loop of aliases ends somewhere
		records, known := z.records[name]
		if !known {
			out.rcode = 3
			break
		}
		alias := ""
		for _, r := range records {
			if r.kind == kind || r.kind == typeCNAME {
				out.answer = append(out.answer, r)
				alias = r.target
			}
		}
		if alias == "" || kind == typeCNAME {
			break
		}
		name = alias
	}
	if z.soa != nil && (len(out.answer) == 0 || out.answer[len(out.answer)-1].kind != kind) {
		out.authority = append(out.authority, *z.soa)
	}
	return out
}

func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
