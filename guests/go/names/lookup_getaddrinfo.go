//go:build wasip1 && getaddrinfo

package main

import (
	"context"
	"net"
	"strings"
	_ "unsafe" // for go:linkname

	_ "github.com/stealthrocket/net/wasip1"
)

// lookupAddr is what Dial of the library looks names up with. It is not
// exported, and a dial shows only the address that it got to.
//
//go:linkname lookupAddr github.com/stealthrocket/net/wasip1.lookupAddr
func lookupAddr(ctx context.Context, op, network, address string) ([]net.Addr, error)

func lookup(network, host string) ([]net.IP, error) {
	network = "tcp" + strings.TrimPrefix(network, "ip")
	addrs, err := lookupAddr(context.Background(), "dial", network, net.JoinHostPort(host, "1"))
	var ips []net.IP
	for _, addr := range addrs {
		ips = append(ips, addr.(*net.TCPAddr).IP)
	}
	return ips, err
}
