// names looks names up with Go's own resolver, which speaks DNS itself, and
// says what it found.
//
//	names NAME...              the IPv4 addresses of each name, sorted
//	names dial NETWORK ADDRESS connects to a name
//
// What a server's answer is called is what getaddrinfo calls it, so that the
// lines are those of guests/c/app_lookup.c.
package main

import (
	"context"
	"errors"
	"net"
	"os"
	"sort"
	"strings"

	"github.com/guestnet/guestnet/guests/go/internal/guest"
	"github.com/guestnet/guestnet/guests/go/internal/sock"
)

func main() {
	resolver := &net.Resolver{PreferGo: true, Dial: sock.DialContext}
	args := os.Args[1:]
	if len(args) == 3 && args[0] == "dial" {
		host, port, err := net.SplitHostPort(args[2])
		guest.Check("address", err)
		addrs, err := resolver.LookupIP(context.Background(), "ip4", host)
		if err != nil {
			guest.Say("dial %s: %s", host, name(err))
			return
		}
		conn, err := sock.Dial(args[1], net.JoinHostPort(addrs[0].String(), port))
		guest.Say("dial %s: %s", host, guest.Errno(err))
		if err == nil {
			conn.Close()
		}
		return
	}
	for _, host := range args {
		addrs, err := resolver.LookupIP(context.Background(), "ip4", host)
		if err != nil {
			guest.Say("%s: %s", host, name(err))
			continue
		}
		var texts []string
		for _, addr := range addrs {
			texts = append(texts, addr.String())
		}
		sort.Strings(texts)
		guest.Say("%s: %s", host, strings.Join(texts, " "))
	}
}

// name is getaddrinfo's name for a failure.
func name(err error) string {
	var dns *net.DNSError
	switch {
	case !errors.As(err, &dns):
		return err.Error()
	case dns.IsNotFound:
		return "EAI_NONAME"
	case dns.IsTemporary || dns.IsTimeout:
		return "EAI_AGAIN"
	default:
		return "EAI_FAIL"
	}
}
