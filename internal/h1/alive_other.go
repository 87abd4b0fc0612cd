//go:build !unix

package h1

func (c *Conn) initAlive() bool {
	_, ok := c.nc.(interface{ Alive() bool })
	return ok
}

// Alive reports whether an idle connection is still open, and silent.
func (c *Conn) Alive() bool { return c.nc.(interface{ Alive() bool }).Alive() }
