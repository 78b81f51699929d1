// unix_echo is AF_UNIX, stream and datagram, within one directory.
//
//	unix_echo DIR
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/guestnet/guestnet/guests/go/internal/guest"
	"github.com/guestnet/guestnet/guests/go/internal/sock"
)

func main() {
	if len(os.Args) != 2 {
		guest.Fail("usage: unix_echo DIR")
	}
	dir := os.Args[1]
	stream(dir)
	datagram(dir)
	names(dir)
	refusals(dir)
}

func stream(dir string) {
	path := filepath.Join(dir, "stream")
	listener, err := sock.Listen("unix", path)
	guest.Check("listen", err)
	guest.Say("the listener says its path: %t", listener.Addr().String() == path)
	echoed := make(chan error)
	go func() {
		conn, err := listener.Accept()
		guest.Check("accept", err)
		_, err = io.Copy(conn, conn)
		conn.Close()
		echoed <- err
	}()
	conn, err := sock.Dial("unix", path)
	guest.Check("dial", err)
	guest.Say("the client says its peer's network: %s", conn.RemoteAddr().Network())
	body := guest.Pattern(1<<20, 3)
	sent := make(chan error)
	go func() {
		_, err := conn.Write(body)
		if err == nil {
			err = conn.(interface{ CloseWrite() error }).CloseWrite()
		}
		sent <- err
	}()
	back, err := io.ReadAll(conn)
	guest.Check("read", err)
	guest.Check("write", <-sent)
	guest.Check("echo", <-echoed)
	guest.Say("stream: %d bytes there and back: %t", len(back), bytes.Equal(back, body))
	guest.Check("close", conn.Close())

	_, err = sock.Listen("unix", path)
	guest.Say("listen on a path in use: %s", guest.Errno(err))
	guest.Check("close the listener", listener.Close())
}

func datagram(dir string) {
	bind := func(name string) net.PacketConn {
		conn, err := sock.ListenPacket("unixgram", filepath.Join(dir, name))
		guest.Check("bind "+name, err)
		return conn
	}
	left, right := bind("left"), bind("right")
	buf := make([]byte, 64)
	send := func(from, to net.PacketConn, message string) {
		_, err := from.WriteTo([]byte(message), to.LocalAddr())
		guest.Check("send", err)
		n, addr, err := to.ReadFrom(buf)
		guest.Check("receive", err)
		guest.Say("datagram: %q from the sender's path: %t", buf[:n], addr.String() == from.LocalAddr().String())
	}
	send(left, right, "to the right")
	send(right, left, "to the left")

	conn, err := sock.Dial("unixgram", left.LocalAddr().String())
	guest.Check("dial", err)
	_, err = conn.Write([]byte("from a socket without a name"))
	guest.Check("send", err)
	n, _, err := left.ReadFrom(buf)
	guest.Check("receive", err)
	guest.Say("datagram: %q", buf[:n])
	guest.Check("close", conn.Close())
	guest.Check("close", left.Close())
	guest.Check("close", right.Close())
}

// names: a bound socket is a file of its directory, and removing that file is
// what makes its path free again.
func names(dir string) {
	path := filepath.Join(dir, "named")
	conn, err := sock.ListenPacket("unixgram", path)
	guest.Check("bind", err)
	entries, err := os.ReadDir(dir)
	guest.Check("read the directory", err)
	found := false
	for _, entry := range entries {
		found = found || entry.Name() == "named"
	}
	guest.Say("the directory lists it: %t", found)
	guest.Check("close", conn.Close())
	// The standard library removes a listener's file, not a datagram socket's.
	guest.Check("remove", os.Remove(path))
	conn, err = sock.ListenPacket("unixgram", path)
	guest.Check("bind again", err)
	guest.Check("close", conn.Close())
}

func refusals(dir string) {
	_, err := sock.Dial("unix", filepath.Join(dir, "nothing"))
	guest.Say("dial a path that is not there: %s", guest.Errno(err))
	file := filepath.Join(dir, "file")
	guest.Check("write a file", os.WriteFile(file, nil, 0o600))
	_, err = sock.Dial("unix", file)
	guest.Say("dial a plain file: %s", guest.Errno(err))
	_, err = sock.Listen("unix", filepath.Join(dir, "missing", "socket"))
	guest.Say("listen in a directory that is not there: %s", guest.Errno(err))
	_, err = sock.Listen("unix", filepath.Join(dir, strings.Repeat("x", 120)))
	guest.Say("listen on a path too long: %t", err != nil)
	fmt.Println("end")
}
