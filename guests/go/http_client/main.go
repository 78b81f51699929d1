// http_client puts a server of this directory to work: concurrent requests on
// kept-alive connections, a large body both ways, a streamed answer.
//
//	http_client BASE-URL [quit]     quit: ask the server to stop at the end
package main

import (
	"io"
	"os"

	_ "github.com/stealthrocket/net/http"

	"github.com/guestnet/guestnet/guests/go/internal/guest"
)

func main() {
	if len(os.Args) < 2 {
		guest.Fail("usage: http_client BASE-URL [quit]")
	}
	const workers, rounds, bodySize = 16, 16, 8 << 20
	base := os.Args[1]
	client := guest.KeepAlive(workers)
	dials := guest.CountDials(client)
	guest.Exercise(client, base, workers, rounds, bodySize)
	// 274 requests were made; keep-alive means a worker's connection is reused.
	guest.Say("at most %d connections: %t", workers, dials() <= workers)

	if len(os.Args) > 2 && os.Args[2] == "quit" {
		response, err := client.Get(base + "/quit")
		guest.Check("GET /quit", err)
		body, err := io.ReadAll(response.Body)
		guest.Check("read /quit", err)
		response.Body.Close()
		guest.Say("GET /quit: %q", body)
	}
}
