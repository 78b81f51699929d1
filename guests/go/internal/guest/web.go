package guest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
)

// Web is the HTTP server that http_server, http_self and preopened serve.
type Web struct {
	server http.Server
	quit   chan struct{}

	mu      sync.Mutex
	waiting map[string]chan struct{}
	arrived map[string]int
}

// NewWeb makes a server that has not been started.
func NewWeb() *Web {
	w := &Web{
		quit:    make(chan struct{}),
		waiting: make(map[string]chan struct{}),
		arrived: make(map[string]int),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", w.hello)
	mux.HandleFunc("POST /echo", w.echo)
	mux.HandleFunc("GET /stream", w.stream)
	mux.HandleFunc("GET /together", w.together)
	mux.HandleFunc("/quit", w.stop)
	w.server.Handler = mux
	return w
}

// Serve answers requests on l until somebody asks for /quit, then lets the
// requests under way finish and returns.
func (w *Web) Serve(l net.Listener) error {
	stopped := make(chan error, 1)
	go func() {
		<-w.quit
		stopped <- w.server.Shutdown(context.Background())
	}()
	if err := w.server.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return <-stopped
}

// hello is the small request.
func (w *Web) hello(rw http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	if name == "" {
		name = "world"
	}
	fmt.Fprintf(rw, "hello, %s\n", name)
}

// echo sends back the body as it arrives, in both directions at once.
func (w *Web) echo(rw http.ResponseWriter, r *http.Request) {
	// Without this the server reads the whole request before its first write.
	http.NewResponseController(rw).EnableFullDuplex()
	rw.Header().Set("Content-Type", "application/octet-stream")
	if _, err := io.Copy(rw, r.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// stream sends ?n= numbered lines, each flushed by itself.
func (w *Web) stream(rw http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.URL.Query().Get("n"))
	if err != nil || n < 0 || n > 10_000 {
		http.Error(rw, "n must be between 0 and 10000", http.StatusBadRequest)
		return
	}
	control := http.NewResponseController(rw)
	for i := range n {
		fmt.Fprintf(rw, "line %d\n", i)
		if control.Flush() != nil {
			return
		}
	}
}

// together answers no request before ?n= requests with the same ?room= have
// arrived: it can only be answered by a server that serves them concurrently.
func (w *Web) together(rw http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.URL.Query().Get("n"))
	if err != nil || n < 1 || n > 1_000 {
		http.Error(rw, "n must be between 1 and 1000", http.StatusBadRequest)
		return
	}
	room := r.URL.Query().Get("room")
	w.mu.Lock()
	all, ok := w.waiting[room]
	if !ok {
		all = make(chan struct{})
		w.waiting[room] = all
	}
	w.arrived[room]++
	if w.arrived[room] == n {
		close(all)
		delete(w.waiting, room)
		delete(w.arrived, room)
	}
	w.mu.Unlock()
	select {
	case <-all:
		fmt.Fprintf(rw, "%d together\n", n)
	case <-r.Context().Done():
	}
}

// stop ends Serve once this request has been answered.
func (w *Web) stop(rw http.ResponseWriter, _ *http.Request) {
	io.WriteString(rw, "bye\n")
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.quit:
	default:
		close(w.quit)
	}
}

// Exercise asks the server at base for everything it can do, workers requests
// at a time, and says what came back. It fails the program at the first wrong
// answer. The client must keep connections alive.
func Exercise(client *http.Client, base string, workers, rounds, bodySize int) {
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for round := range rounds {
				name := fmt.Sprintf("worker-%d-%d", worker, round)
				want := fmt.Sprintf("hello, %s\n", name)
				if got := get(client, base+"/hello?name="+name); string(got) != want {
					Fail("GET /hello answered %q, want %q", got, want)
				}
			}
		})
	}
	wg.Wait()
	Say("GET /hello: %d requests, %d at a time", workers*rounds, workers)

	for range workers {
		wg.Go(func() {
			get(client, fmt.Sprintf("%s/together?room=exercise&n=%d", base, workers))
		})
	}
	wg.Wait()
	Say("GET /together: %d requests were served at once", workers)

	body := Pattern(bodySize, 7)
	response, err := client.Post(base+"/echo", "application/octet-stream", bytes.NewReader(body))
	Check("POST /echo", err)
	echoed := read(response)
	if sha256.Sum256(echoed) != sha256.Sum256(body) {
		Fail("POST /echo sent back %d bytes that differ from the %d sent", len(echoed), len(body))
	}
	Say("POST /echo: %d bytes, sha256 %x", len(echoed), sha256.Sum256(echoed))

	const lines = 1000
	stream := get(client, fmt.Sprintf("%s/stream?n=%d", base, lines))
	var want bytes.Buffer
	for i := range lines {
		fmt.Fprintf(&want, "line %d\n", i)
	}
	if !bytes.Equal(stream, want.Bytes()) {
		Fail("GET /stream sent %d bytes, want %d", len(stream), want.Len())
	}
	Say("GET /stream: %d flushed lines, sha256 %x", lines, sha256.Sum256(stream))
}

// KeepAlive sets how many idle connections the default transport keeps, and
// returns a client on it. The transport is the default one because
// stealthrocket/net/http installs its dialer there and nowhere else.
func KeepAlive(idle int) *http.Client {
	transport := http.DefaultTransport.(*http.Transport)
	transport.MaxIdleConns = idle
	transport.MaxIdleConnsPerHost = idle
	transport.MaxConnsPerHost = idle
	return &http.Client{Transport: transport}
}

// CountDials returns a function that says how often transport has dialed.
func CountDials(client *http.Client) func() int {
	transport := client.Transport.(*http.Transport)
	dial := transport.DialContext
	var mu sync.Mutex
	dials := 0
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		mu.Lock()
		dials++
		mu.Unlock()
		return dial(ctx, network, addr)
	}
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return dials
	}
}

func get(client *http.Client, url string) []byte {
	response, err := client.Get(url)
	Check("GET "+url, err)
	return read(response)
}

func read(response *http.Response) []byte {
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	Check("read the response", err)
	if response.StatusCode != http.StatusOK {
		Fail("%s answered %s", response.Request.URL, response.Status)
	}
	return body
}
