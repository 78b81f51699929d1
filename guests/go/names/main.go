// names looks names up and says what it found.
//
//	names [-4|-6|-46] NAME...  the addresses of each name, sorted; by default IPv4
//	names dial NETWORK ADDRESS connects to a name
//
// It asks with Go's own resolver, which speaks DNS itself; built with the tag
// getaddrinfo it asks as github.com/stealthrocket/net does with that tag.
//
// What a server's answer is called is what getaddrinfo calls it, so that the
// lines are those of guests/c/app_lookup.c. Go's resolver has one error for a
// name that does not exist and for one without an address: EAI_NONAME.
package main

import (
	"errors"
	"net"
	"os"
	"sort"
	"strings"
	"syscall"

	"github.com/guestnet/guestnet/guests/go/internal/guest"
	"github.com/guestnet/guestnet/guests/go/internal/sock"
)

func main() {
	args := os.Args[1:]
	if len(args) == 3 && args[0] == "dial" {
		host, port, err := net.SplitHostPort(args[2])
		guest.Check("address", err)
		addrs, err := lookup("ip4", host)
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
	network := "ip4"
	for _, host := range args {
		switch host {
		case "-4", "-6":
			network = "ip" + host[1:]
			continue
		case "-46":
			network = "ip"
			continue
		}
		addrs, err := lookup(network, host)
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

// What WasmEdge's sock_getaddrinfo returns for a failed look-up, in its order.
const firstEAI = syscall.Errno(77)

var eaiNames = []string{"ADDRFAMILY", "AGAIN", "BADFLAGS", "FAIL", "FAMILY", "MEMORY", "NODATA", "NONAME", "SERVICE", "SOCKTYPE", "SYSTEM"}

// name is getaddrinfo's name for a failure.
func name(err error) string {
	var dns *net.DNSError
	var address *net.AddrError
	var errno syscall.Errno
	switch {
	case errors.As(err, &address):
		// The hosts file has the name, with addresses of the other family.
		return "EAI_NONAME"
	case errors.As(err, &errno) && errno >= firstEAI && int(errno-firstEAI) < len(eaiNames):
		return "EAI_" + eaiNames[errno-firstEAI]
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
