// container does what its arguments say, one word after the other, and prints what came of it. It is the program of the
// tests with containerd, under runc and under our shim.
//
//	say TEXT | complain TEXT     a line on standard output, on standard error
//	echo                         standard input, line by line, to its end
//	environment | directory      the variables, sorted, in one line; the working directory
//	read PATH | write PATH       the content in quotes, or the error; a file with "written" in it
//	dial ADDRESS                 one connection by TCP
//	lookup NAME                  its addresses of IPv4
//	fill MEBIBYTES               so much memory, each page written
//	wait | spin                  for ever, without and with work
//	exit CODE                    the end
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/guestnet/guestnet/guests/go/internal/guest"
	"github.com/guestnet/guestnet/guests/go/internal/sock"
)

// Memory is kept until the end.
var kept [][]byte

func main() {
	words := os.Args[1:]
	next := func() string {
		if len(words) == 0 {
			guest.Fail("a word is missing")
		}
		word := words[0]
		words = words[1:]
		return word
	}
	for len(words) > 0 {
		switch word := next(); word {
		case "say":
			guest.Say("%s", next())
		case "complain":
			fmt.Fprintln(os.Stderr, next())
		case "echo":
			lines := bufio.NewScanner(os.Stdin)
			for lines.Scan() {
				guest.Say("echo %s", lines.Text())
			}
			guest.Say("end of input")
		case "environment":
			variables := os.Environ()
			sort.Strings(variables)
			guest.Say("environment %s", strings.Join(variables, " "))
		case "directory":
			directory, err := os.Getwd()
			guest.Check("directory", err)
			guest.Say("directory %s", directory)
		case "read":
			path := next()
			content, err := os.ReadFile(path)
			guest.Say("read %s: %s", path, result(strconv.Quote(string(content)), err))
		case "write":
			path := next()
			guest.Say("write %s: %s", path, result("ok", os.WriteFile(path, []byte("written"), 0o644)))
		case "dial":
			address := next()
			conn, err := sock.Dial("tcp", address)
			guest.Say("dial %s: %s", address, result("ok", err))
			if err == nil {
				conn.Close()
			}
		case "lookup":
			name := next()
			addresses, err := lookup(name)
			guest.Say("lookup %s: %s", name, result(strings.Join(addresses, " "), err))
		case "fill":
			mebibytes, err := strconv.Atoi(next())
			guest.Check("fill", err)
			for range mebibytes {
				page := make([]byte, 1<<20)
				for i := 0; i < len(page); i += 4096 {
					page[i] = 1
				}
				kept = append(kept, page)
			}
			guest.Say("filled %d", mebibytes)
		case "wait":
			guest.Say("waiting")
			for {
				time.Sleep(time.Hour)
			}
		case "spin":
			guest.Say("spinning")
			for n := 0; ; n++ {
				if n%1000000 == 0 {
					kept = nil
				}
			}
		case "exit":
			code, err := strconv.Atoi(next())
			guest.Check("exit", err)
			os.Exit(code)
		default:
			guest.Fail("no such word: %s", word)
		}
	}
}

func result(good string, err error) string {
	if err != nil {
		return guest.Errno(err)
	}
	return good
}

func lookup(name string) ([]string, error) {
	resolver := net.Resolver{PreferGo: true, Dial: sock.DialContext}
	addresses, err := resolver.LookupIP(context.Background(), "ip4", name)
	texts := make([]string, len(addresses))
	for i, address := range addresses {
		texts[i] = address.String()
	}
	sort.Strings(texts)
	return texts, err
}
