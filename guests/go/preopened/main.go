// preopened serves HTTP with the standard library alone, on a listener that it
// was handed: descriptor 3, as the LISTEN_FDS convention has it.
package main

import (
	"net"
	"os"
	"strconv"

	"github.com/guestnet/guestnet/guests/go/internal/guest"
)

const firstListenFD = 3

func main() {
	count, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || count < 1 {
		guest.Fail("LISTEN_FDS is %q: no listener was handed over", os.Getenv("LISTEN_FDS"))
	}
	guest.Say("LISTEN_FDS %d", count)
	file := os.NewFile(firstListenFD, "listener")
	if file == nil {
		guest.Fail("descriptor %d is not open", firstListenFD)
	}
	listener, err := net.FileListener(file)
	guest.Check("make a listener of descriptor 3", err)
	// FileListener duplicates the descriptor; the original is not needed.
	guest.Check("close descriptor 3", file.Close())
	guest.Say("serving")
	guest.Check("serve", guest.NewWeb().Serve(listener))
	guest.Say("bye")
}
