// large says when its first instruction ran, in nanoseconds of the machine's
// clock, and exits. It has as much of the standard library in it as a real
// server has: some 13 MB for GOOS=wasip1.
package main

import (
	"crypto/tls"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"go/format"
	"html/template"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"os"
	"time"
)

// uses keeps the linker from leaving any of it out.
var uses = []any{
	tls.Dial, json.Unmarshal, xml.Unmarshal, format.Source, template.New, slog.NewJSONHandler,
	http.ListenAndServe, httputil.NewSingleHostReverseProxy,
}

func main() {
	now := time.Now().UnixNano()
	fmt.Println(now)
	if len(os.Args) > 1 {
		fmt.Println(uses...)
	}
}
