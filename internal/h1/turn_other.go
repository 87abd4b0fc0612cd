//go:build !unix

package h1

type turn struct{}

// initTurn reports whether there is a way to know whether an idle connection is alive.
func (c *Conn) initTurn() bool {
	_, ok := c.nc.(interface{ Alive() bool })
	return ok
}

func (c *Conn) ask(out []byte) error { return c.askSimply(out) }
