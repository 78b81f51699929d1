package sock

import (
	"context"
	"net"

	"github.com/stealthrocket/net/wasip1"
)

// Listen is net.Listen.
func Listen(network, address string) (net.Listener, error) { return wasip1.Listen(network, address) }

// ListenPacket is net.ListenPacket.
func ListenPacket(network, address string) (net.PacketConn, error) {
	return wasip1.ListenPacket(network, address)
}

// Dial is net.Dial.
func Dial(network, address string) (net.Conn, error) { return wasip1.Dial(network, address) }

// DialContext is (*net.Dialer).DialContext.
func DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return wasip1.DialContext(ctx, network, address)
}
