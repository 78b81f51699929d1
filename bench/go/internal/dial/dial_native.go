//go:build !wasip1

package dial

import "net"

// Dial is net.Dial.
func Dial(network, address string) (net.Conn, error) { return net.Dial(network, address) }
