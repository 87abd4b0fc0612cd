package sockets

import (
	"net"
	"os"
)

// envNotify is where systemd is told how a service is (sd_notify(3)); a successor inherits it, and says that it is the one
// now.
const envNotify = "NOTIFY_SOCKET"

// Notify tells whoever started this process of its state, if anybody wants to know.
func Notify(state string) error {
	name := os.Getenv(envNotify)
	if name == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"}) // @ is what it is for net, too
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte(state))
	return err
}
