// http_self is an HTTP server and its client in one guest, over loopback TCP.
package main

import (
	_ "github.com/stealthrocket/net/http"

	"github.com/guestnet/guestnet/guests/go/internal/guest"
	"github.com/guestnet/guestnet/guests/go/internal/sock"
)

func main() {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		listener, err := sock.Listen("tcp", addr)
		guest.Check("listen", err)
		served := make(chan error)
		go func() { served <- guest.NewWeb().Serve(listener) }()

		guest.Say("on %s", addr)
		base := "http://" + listener.Addr().String()
		client := guest.KeepAlive(8)
		guest.Exercise(client, base, 8, 8, 2<<20)
		response, err := client.Get(base + "/quit")
		guest.Check("GET /quit", err)
		response.Body.Close()
		guest.Check("serve", <-served)
		guest.Say("the server stopped")
	}
}
