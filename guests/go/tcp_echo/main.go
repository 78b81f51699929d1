// tcp_echo is TCP over IPv4 and IPv6: both ends in one program, or one of them.
//
//	tcp_echo                    both ends, every behaviour
//	tcp_echo server ADDR [N]    print "listening ADDR", echo N connections (1)
//	tcp_echo client ADDR        exchange with an echo server
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/guestnet/guestnet/guests/go/internal/guest"
	"github.com/guestnet/guestnet/guests/go/internal/sock"
)

func main() {
	args := os.Args[1:]
	switch {
	case len(args) == 0:
		for _, family := range []struct{ network, addr string }{{"tcp4", "127.0.0.1:0"}, {"tcp6", "[::1]:0"}} {
			guest.Say("== %s", family.network)
			both(family.network, family.addr)
		}
	case len(args) >= 2 && args[0] == "server":
		n := 1
		if len(args) == 3 {
			n = guest.Must(strconv.Atoi(args[2]))("parse N")
		}
		listener, err := sock.Listen("tcp", args[1])
		guest.Check("listen", err)
		fmt.Printf("listening %s\n", listener.Addr())
		serve(listener, n)
		guest.Say("echoed %d connections", n)
	case len(args) == 2 && args[0] == "client":
		conn, err := sock.Dial("tcp", args[1])
		guest.Check("dial", err)
		exchange(conn, 4<<20)
	default:
		guest.Fail("usage: tcp_echo [server ADDR [N] | client ADDR]")
	}
}

// serve echoes n connections, all at the same time, and closes the listener.
func serve(listener net.Listener, n int) {
	var wg sync.WaitGroup
	for range n {
		conn, err := listener.Accept()
		guest.Check("accept", err)
		wg.Go(func() {
			defer conn.Close()
			_, err := io.Copy(conn, conn)
			guest.Check("echo", err)
		})
	}
	wg.Wait()
	guest.Check("close the listener", listener.Close())
}

// exchange sends size bytes while it reads them back, half-closes, reads to
// the end of file, and closes.
func exchange(conn net.Conn, size int) {
	body := guest.Pattern(size, uint32(size))
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(body)
		if err == nil {
			err = conn.(interface{ CloseWrite() error }).CloseWrite()
		}
		sent <- err
	}()
	echoed, err := io.ReadAll(conn)
	guest.Check("read the echo", err)
	guest.Check("write", <-sent)
	if !bytes.Equal(echoed, body) {
		guest.Fail("%d bytes came back that differ from the %d sent", len(echoed), len(body))
	}
	guest.Say("%d bytes there and back, sha256 %x", len(echoed), sha256.Sum256(echoed))
	guest.Check("close", conn.Close())
}

func both(network, addr string) {
	listener, err := sock.Listen(network, addr)
	guest.Check("listen", err)
	client, server := pair(network, listener)

	guest.Say("the ends agree on their addresses: %t", client.LocalAddr().String() == server.RemoteAddr().String() &&
		client.RemoteAddr().String() == server.LocalAddr().String() &&
		client.RemoteAddr().String() == listener.Addr().String())
	halfClose(client, server)

	client, server = pair(network, listener)
	deadlines(client, server)
	closeDuringRead(client)
	writeToClosed(server)

	_, err = sock.Listen(network, listener.Addr().String())
	guest.Say("listen on a port in use: %s", guest.Errno(err))

	large(network, listener)
	many(network, listener, 100)
	refused(listener)
}

// pair is the two ends of one new connection.
func pair(network string, listener net.Listener) (client, server net.Conn) {
	accepted := make(chan net.Conn)
	go func() {
		conn, err := listener.Accept()
		guest.Check("accept", err)
		accepted <- conn
	}()
	client, err := sock.Dial(network, listener.Addr().String())
	guest.Check("dial", err)
	return client, <-accepted
}

// halfClose: each end goes on reading after its own shutdown.
func halfClose(client, server net.Conn) {
	write(client, "a request")
	guest.Check("CloseWrite", client.(interface{ CloseWrite() error }).CloseWrite())
	request, err := io.ReadAll(server)
	guest.Check("read the request", err)
	guest.Say("the server read %q, then the end of file", request)
	_, err = client.Write([]byte("too late"))
	guest.Say("write after CloseWrite: %s", guest.Errno(err))
	write(server, "an answer")
	guest.Check("close the server's end", server.Close())
	answer, err := io.ReadAll(client)
	guest.Check("read the answer", err)
	guest.Say("the client read %q, then the end of file", answer)
	guest.Check("close", client.Close())
	guest.Say("close twice: %s", guest.Errno(client.Close()))
}

func deadlines(client, server net.Conn) {
	buf := make([]byte, 16)
	start := time.Now()
	guest.Check("SetReadDeadline", client.SetReadDeadline(start.Add(50*time.Millisecond)))
	_, err := client.Read(buf)
	var timeout net.Error
	guest.Say("read with nothing to read: %s, timeout %t, not early %t", guest.Errno(err),
		errors.As(err, &timeout) && timeout.Timeout(), time.Since(start) >= 50*time.Millisecond)

	write(server, "late")
	_, err = client.Read(buf)
	guest.Say("read past the deadline with something to read: %s", guest.Errno(err))
	guest.Check("clear the deadline", client.SetReadDeadline(time.Time{}))
	n, err := client.Read(buf)
	guest.Say("read without a deadline: %q, %s", buf[:n], guest.Errno(err))

	guest.Check("SetWriteDeadline", client.SetWriteDeadline(time.Now().Add(-time.Second)))
	_, err = client.Write(buf)
	guest.Say("write past the deadline: %s", guest.Errno(err))
	guest.Check("clear the deadline", client.SetWriteDeadline(time.Time{}))

	// The peer does not read: the buffers on both sides fill and the write has to wait.
	guest.Check("SetWriteDeadline", client.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
	block := make([]byte, 64<<20)
	n, err = client.Write(block)
	guest.Say("write to a peer that does not read: part of it %t, %s", n > 0 && n < len(block), guest.Errno(err))
}

// closeDuringRead: a Close wakes the Read that waits, in the same process.
func closeDuringRead(conn net.Conn) {
	failed := make(chan error)
	reading := make(chan struct{})
	go func() {
		close(reading)
		_, err := conn.Read(make([]byte, 1))
		failed <- err
	}()
	<-reading
	guest.Check("close", conn.Close())
	guest.Say("read while another goroutine closes: %s", guest.Errno(<-failed))
}

// writeToClosed: the peer is gone, so sooner or later a write fails, and no
// signal ends the program.
func writeToClosed(conn net.Conn) {
	guest.Check("SetWriteDeadline", conn.SetWriteDeadline(time.Now().Add(10*time.Second)))
	for {
		if _, err := conn.Write(make([]byte, 4096)); err != nil {
			name := guest.Errno(err)
			guest.Say("write to a closed peer: %t", name == "EPIPE" || name == "ECONNRESET")
			break
		}
	}
	guest.Check("close", conn.Close())
}

func large(network string, listener net.Listener) {
	client, server := pair(network, listener)
	echoed := make(chan error)
	go func() {
		_, err := io.Copy(server, server)
		server.Close()
		echoed <- err
	}()
	exchange(client, 8<<20)
	guest.Check("echo", <-echoed)
}

func many(network string, listener net.Listener, n int) {
	addr := listener.Addr().String()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			conn, err := sock.Dial(network, addr)
			guest.Check("dial", err)
			defer conn.Close()
			message := guest.Pattern(1000+i, uint32(i))
			write(conn, string(message))
			guest.Check("CloseWrite", conn.(interface{ CloseWrite() error }).CloseWrite())
			echoed, err := io.ReadAll(conn)
			guest.Check("read", err)
			if !bytes.Equal(echoed, message) {
				guest.Fail("connection %d got another's bytes", i)
			}
		})
	}
	serve(listener, n)
	wg.Wait()
	guest.Say("%d connections at once", n)
}

// refused: the listener is closed by now, and nothing listens on its port.
func refused(listener net.Listener) {
	_, err := sock.Dial("tcp", listener.Addr().String())
	if err == nil {
		guest.Fail("a dial to a closed port succeeded")
	}
	guest.Say("dial a closed port: %s", guest.Errno(err))
	guest.Say("in words: %s", guest.Text(err, listener.Addr()))
	_, err = listener.Accept()
	guest.Say("accept on a closed listener: %s", guest.Errno(err))
}

func write(conn net.Conn, message string) {
	_, err := conn.Write([]byte(message))
	guest.Check("write", err)
}
