// udp_echo is UDP over IPv4 and IPv6: both ends in one program, or one of them.
//
//	udp_echo                    both ends, every behaviour
//	udp_echo server ADDR N      print "listening ADDR", echo N datagrams
//	udp_echo client ADDR        exchange with an echo server
package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/guestnet/guestnet/guests/go/internal/guest"
	"github.com/guestnet/guestnet/guests/go/internal/sock"
)

// sizes of the datagrams a client sends, one after the other.
var sizes = []int{1, 2, 512, 1472, 1473, 9000, 60000}

func main() {
	args := os.Args[1:]
	switch {
	case len(args) == 0:
		for _, family := range []struct{ network, addr string }{{"udp4", "127.0.0.1:0"}, {"udp6", "[::1]:0"}} {
			guest.Say("== %s", family.network)
			both(family.network, family.addr)
		}
	case len(args) == 3 && args[0] == "server":
		n := guest.Must(strconv.Atoi(args[2]))("parse N")
		conn, err := sock.ListenPacket("udp", args[1])
		guest.Check("listen", err)
		fmt.Printf("listening %s\n", conn.LocalAddr())
		echo(conn, n)
		guest.Say("echoed %d datagrams", n)
	case len(args) == 2 && args[0] == "client":
		conn, err := sock.Dial("udp", args[1])
		guest.Check("dial", err)
		exchange(conn)
	default:
		guest.Fail("usage: udp_echo [server ADDR N | client ADDR]")
	}
}

// echo sends n datagrams back to where each came from.
func echo(conn net.PacketConn, n int) {
	buf := make([]byte, 65535)
	for range n {
		n, from, err := conn.ReadFrom(buf)
		guest.Check("receive", err)
		_, err = conn.WriteTo(buf[:n], from)
		guest.Check("send back", err)
	}
}

// exchange sends datagrams on a connected socket, each after the last came
// back, so that loopback loses none.
func exchange(conn net.Conn) {
	buf := make([]byte, 65535)
	for _, size := range sizes {
		message := guest.Pattern(size, uint32(size))
		n, err := conn.Write(message)
		guest.Check("send", err)
		if n != size {
			guest.Fail("sent %d of %d bytes", n, size)
		}
		n, err = conn.Read(buf)
		guest.Check("receive", err)
		guest.Say("%d bytes there and back: %t", n, bytes.Equal(buf[:n], message))
	}
	guest.Check("close", conn.Close())
}

func both(network, addr string) {
	server, err := sock.ListenPacket(network, addr)
	guest.Check("listen", err)
	echoed := make(chan struct{})
	go func() {
		echo(server, len(sizes))
		close(echoed)
	}()
	client, err := sock.Dial(network, server.LocalAddr().String())
	guest.Check("dial", err)
	guest.Say("the client knows its peer: %t", client.RemoteAddr().String() == server.LocalAddr().String())
	exchange(client)
	<-echoed

	unconnected(network, addr, server)
	filtered(network, addr, server)
	deadline(server)
	refused(network, server)
}

// unconnected: two sockets that name the other end in each call.
func unconnected(network, addr string, server net.PacketConn) {
	client, err := sock.ListenPacket(network, addr)
	guest.Check("listen", err)
	buf := make([]byte, 64)
	for _, message := range []string{"first", "second", "third"} {
		_, err := client.WriteTo([]byte(message), server.LocalAddr())
		guest.Check("send", err)
	}
	for range 2 {
		n, from, err := server.ReadFrom(buf)
		guest.Check("receive", err)
		guest.Say("received %q from the client: %t", buf[:n], from.String() == client.LocalAddr().String())
	}
	n, _, err := server.ReadFrom(buf[:3])
	guest.Check("receive", err)
	guest.Say("received %q into a buffer too short for it", buf[:n])
	_, err = client.WriteTo(make([]byte, 65536), server.LocalAddr())
	guest.Say("send more than a datagram holds: %s", guest.Errno(err))
	guest.Check("close", client.Close())
	_, err = client.WriteTo([]byte("late"), server.LocalAddr())
	guest.Say("send on a closed socket: %t", err != nil)
}

// filtered: a connected socket receives from its peer only.
func filtered(network, addr string, server net.PacketConn) {
	client, err := sock.Dial(network, server.LocalAddr().String())
	guest.Check("dial", err)
	stranger, err := sock.ListenPacket(network, addr)
	guest.Check("listen", err)
	_, err = stranger.WriteTo([]byte("a stranger's"), client.LocalAddr())
	guest.Check("send", err)
	_, err = server.WriteTo([]byte("the peer's"), client.LocalAddr())
	guest.Check("send", err)
	buf := make([]byte, 64)
	n, err := client.Read(buf)
	guest.Check("receive", err)
	guest.Say("a connected socket received %q", buf[:n])
	guest.Check("close", client.Close())
	guest.Check("close", stranger.Close())
}

func deadline(conn net.PacketConn) {
	start := time.Now()
	guest.Check("SetReadDeadline", conn.SetReadDeadline(start.Add(50*time.Millisecond)))
	_, _, err := conn.ReadFrom(make([]byte, 16))
	guest.Say("receive with nothing there: %s, not early %t", guest.Errno(err), time.Since(start) >= 50*time.Millisecond)
	guest.Check("clear the deadline", conn.SetReadDeadline(time.Time{}))
}

// refused: a connected UDP socket learns that nothing is bound to the port.
func refused(network string, server net.PacketConn) {
	client, err := sock.Dial(network, server.LocalAddr().String())
	guest.Check("dial", err)
	guest.Check("close", server.Close())
	_, err = client.Write([]byte("hello?"))
	guest.Check("send", err)
	guest.Check("SetReadDeadline", client.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err = client.Read(make([]byte, 16))
	guest.Say("receive after a datagram to a closed port: %s", guest.Errno(err))
	guest.Check("close", client.Close())
}
