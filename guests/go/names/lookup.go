//go:build !getaddrinfo

package main

import (
	"context"
	"net"

	"github.com/guestnet/guestnet/guests/go/internal/sock"
)

var resolver = &net.Resolver{PreferGo: true, Dial: sock.DialContext}

func lookup(network, host string) ([]net.IP, error) {
	return resolver.LookupIP(context.Background(), network, host)
}
