//go:build unix

package h1

// Silent reports whether nothing has come on an idle connection. It may take a byte of what has.
func (c *Conn) Silent() (is bool) {
	c.turn.raw.Read(func(fd uintptr) bool {
		is = silent(int(fd))
		return true
	})
	return is
}
