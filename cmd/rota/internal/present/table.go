// Package present turns results into tables of text.
package present

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Table is rows of text under a head, which names as many columns.
type Table struct {
	Head []string
	Rows [][]string
	Left int // so many columns stand to the left, the others, numbers, to the right
}

// Text writes the table for a terminal.
func (t *Table) Text(w io.Writer) error {
	widths := t.widths()
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		var b strings.Builder
		for i, cell := range row {
			if i > 0 {
				b.WriteString("  ")
			}
			b.WriteString(t.pad(i, cell, widths[i]))
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// Markdown writes the table as GitHub reads it.
func (t *Table) Markdown(w io.Writer) error {
	widths := t.widths()
	rule := make([]string, len(t.Head))
	for i := range rule {
		widths[i] = max(widths[i], 3)
		rule[i] = strings.Repeat("-", widths[i])
		if i >= t.Left {
			rule[i] = rule[i][1:] + ":"
		}
	}
	for _, row := range append([][]string{t.Head, rule}, t.Rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = t.pad(i, strings.ReplaceAll(cell, "|", `\|`), widths[i])
		}
		if _, err := fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")); err != nil {
			return err
		}
	}
	return nil
}

func (t *Table) widths() []int {
	widths := make([]int, len(t.Head))
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell)+strings.Count(cell, "|"))
		}
	}
	return widths
}

func (t *Table) pad(i int, cell string, width int) string {
	space := strings.Repeat(" ", max(width-utf8.RuneCountInString(cell), 0))
	if i < t.Left {
		return cell + space
	}
	return space + cell
}
