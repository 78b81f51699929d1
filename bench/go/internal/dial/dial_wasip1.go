package dial

import (
	"net"

	"github.com/stealthrocket/net/wasip1"
)

// Dial is net.Dial.
func Dial(network, address string) (net.Conn, error) { return wasip1.Dial(network, address) }
