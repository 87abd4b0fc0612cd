package tree

import (
	"strings"
	"unicode"
)

// Key returns the key of a struct's field in documents: TryTimeout is try_timeout, RIF is rif, P50 is p50.
func Key(field string) string {
	var b strings.Builder
	runes := []rune(field)
	for i, c := range runes {
		if i > 0 && unicode.IsUpper(c) {
			begins := i+1 < len(runes) && unicode.IsLower(runes[i+1]) // a word, after an acronym
			if !unicode.IsUpper(runes[i-1]) || begins {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

// keys returns the keys of a path of fields, such as Retry.Attempts.
func keys(fields string) string {
	parts := strings.Split(fields, ".")
	for i, p := range parts {
		parts[i] = Key(p)
	}
	return strings.Join(parts, ".")
}

// Unknown says of a name that is not among those known what to write instead.
func Unknown(what, name string, known []string) string {
	best, least := "", 1+min(max(1, len(name)/3), 4)
	for _, k := range known {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	switch {
	case best != "":
		return "unknown " + what + ", did you mean " + best + "?"
	case len(known) == 0:
		return "unknown " + what + ", there are none"
	}
	return "unknown " + what + ", known: " + strings.Join(known, ", ")
}

// distance is how many letters must be changed, added, left out or swapped with the next to come from a to b.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	var rows [3][65]int // of the last two letters, and of this one
	for j := range len(b) + 1 {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row := &rows[(i+2)%3], &rows[i%3], &rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}
