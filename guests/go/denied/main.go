// denied tries what a policy may forbid and says what came of it.
//
//	denied NETWORK ADDRESS...         dial each address
//	denied listen NETWORK ADDRESS     listen on one
//	denied send NETWORK ADDRESS       send one datagram from an unconnected socket
package main

import (
	"net"
	"os"

	"github.com/guestnet/guestnet/guests/go/internal/guest"
	"github.com/guestnet/guestnet/guests/go/internal/sock"
)

func main() {
	args := os.Args[1:]
	switch {
	case len(args) == 3 && args[0] == "listen":
		listener, err := sock.Listen(args[1], args[2])
		guest.Say("listen %s %s: %s", args[1], args[2], guest.Errno(err))
		if err == nil {
			listener.Close()
		}
	case len(args) == 3 && args[0] == "send":
		to, err := net.ResolveUDPAddr(args[1], args[2])
		guest.Check("resolve", err)
		any := "0.0.0.0:0"
		if to.IP.To4() == nil {
			any = "[::]:0"
		}
		conn, err := sock.ListenPacket(args[1], any)
		guest.Check("bind", err)
		_, err = conn.WriteTo([]byte("a datagram"), to)
		guest.Say("send %s %s: %s", args[1], args[2], guest.Errno(err))
		conn.Close()
	case len(args) >= 2:
		for _, addr := range args[1:] {
			conn, err := sock.Dial(args[0], addr)
			guest.Say("dial %s %s: %s", args[0], addr, guest.Errno(err))
			if err == nil {
				conn.Close()
			}
		}
	default:
		guest.Fail("usage: denied NETWORK ADDRESS... | denied listen|send NETWORK ADDRESS")
	}
}
