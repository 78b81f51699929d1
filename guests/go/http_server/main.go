// http_server serves HTTP on a TCP address of the sandbox until a client asks
// for /quit.
//
//	http_server [ADDR]      default 127.0.0.1:0
package main

import (
	"fmt"
	"os"

	"github.com/guestnet/guestnet/guests/go/internal/guest"
	"github.com/guestnet/guestnet/guests/go/internal/sock"
)

func main() {
	addr := "127.0.0.1:0"
	if len(os.Args) > 1 {
		addr = os.Args[1]
	}
	listener, err := sock.Listen("tcp", addr)
	guest.Check("listen", err)
	// The one line that varies: who started this program needs the port.
	fmt.Printf("listening %s\n", listener.Addr())
	guest.Check("serve", guest.NewWeb().Serve(listener))
	guest.Say("bye")
}
