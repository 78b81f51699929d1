// tcp_echo sends 64 bytes to a peer on this machine and waits for them to come
// back, one message after the other.
//
//	tcp_echo blocking PORT COUNT
package main

import (
	"io"
	"log"
	"os"
	"strconv"

	"github.com/guestnet/guestnet/bench/go/internal/dial"
)

func main() {
	if len(os.Args) != 4 || os.Args[1] != "blocking" {
		log.Fatal("usage: tcp_echo blocking PORT COUNT")
	}
	count, err := strconv.Atoi(os.Args[3])
	check(err)
	conn, err := dial.Dial("tcp", "127.0.0.1:"+os.Args[2])
	check(err)
	message := make([]byte, 64)
	for range count {
		_, err = conn.Write(message)
		check(err)
		_, err = io.ReadFull(conn, message)
		check(err)
	}
	check(conn.Close())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
