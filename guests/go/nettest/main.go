// nettest runs the conformance suite of golang.org/x/net/nettest, which says
// what any net.Conn must do (deadlines, half-written pipes, racing Close), on
// real connections. stealthrocket/net runs the same suite as its own test.
//
//	nettest DIR      a directory for the UNIX sockets
package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/guestnet/guestnet/guests/go/internal/guest"
	"github.com/guestnet/guestnet/guests/go/internal/sock"
)

func main() {
	if len(os.Args) != 2 {
		guest.Fail("usage: nettest DIR")
	}
	dir := os.Args[1]
	var sockets atomic.Int32
	var tests []testing.InternalTest
	for _, family := range []struct{ network, addr string }{
		{"tcp4", "127.0.0.1:0"}, {"tcp6", "[::1]:0"}, {"unix", ""},
	} {
		pipe := func() (c1, c2 net.Conn, stop func(), err error) {
			addr := family.addr
			if family.network == "unix" {
				addr = filepath.Join(dir, strconv.Itoa(int(sockets.Add(1))))
			}
			return connect(family.network, addr)
		}
		tests = append(tests, testing.InternalTest{
			Name: family.network,
			F: func(t *testing.T) {
				nettest.TestConn(t, pipe)
				guest.Say("%s: %t", family.network, !t.Failed())
			},
		})
	}
	// Only Main sets up what the testing package needs outside "go test". It
	// reads the flags from os.Args and exits with the result.
	os.Args = os.Args[:1]
	testing.Main(func(_, _ string) (bool, error) { return true, nil }, tests, nil, nil)
}

func connect(network, addr string) (c1, c2 net.Conn, stop func(), err error) {
	listener, err := sock.Listen(network, addr)
	if err != nil {
		return nil, nil, nil, err
	}
	defer listener.Close()
	type accepted struct {
		conn net.Conn
		err  error
	}
	ch := make(chan accepted, 1)
	go func() {
		conn, err := listener.Accept()
		ch <- accepted{conn, err}
	}()
	c1, err = sock.Dial(network, listener.Addr().String())
	if err != nil {
		return nil, nil, nil, err
	}
	other := <-ch
	if other.err != nil {
		c1.Close()
		return nil, nil, nil, other.err
	}
	return c1, other.conn, func() { c1.Close(); other.conn.Close() }, nil
}
