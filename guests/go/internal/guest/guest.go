// Package guest holds what every guest program here does the same way: say
// what it did on stdout, and stop with a reason when it could not.
//
// The lines are a transcript that is compared byte for byte between a native
// run and a run in the sandbox, so nothing that varies belongs in them: no
// port, no descriptor, no time, no path.
package guest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

// Say prints one line of the transcript.
func Say(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
}

// Fail ends the program with status 1 and a reason on stderr.
func Fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "FAIL: "+format+"\n", args...)
	os.Exit(1)
}

// Check fails the program when err is not nil.
func Check(doing string, err error) {
	if err != nil {
		Fail("%s: %v", doing, err)
	}
}

// Must returns v, or fails the program.
func Must[T any](v T, err error) func(doing string) T {
	return func(doing string) T {
		Check(doing, err)
		return v
	}
}

// Errno names the system error inside err. The text of an error is not the
// same on wasip1 and on Linux; its identity is.
func Errno(err error) string {
	for _, known := range []struct {
		err  error
		name string
	}{
		{nil, "ok"},
		{os.ErrDeadlineExceeded, "os.ErrDeadlineExceeded"},
		{net.ErrClosed, "closed"},
		{io.EOF, "io.EOF"},
		{syscall.EACCES, "EACCES"},
		{syscall.EADDRINUSE, "EADDRINUSE"},
		{syscall.EADDRNOTAVAIL, "EADDRNOTAVAIL"},
		{syscall.ECONNREFUSED, "ECONNREFUSED"},
		{syscall.ECONNRESET, "ECONNRESET"},
		{syscall.EMSGSIZE, "EMSGSIZE"},
		{syscall.ENOENT, "ENOENT"},
		{syscall.EPERM, "EPERM"},
		{syscall.EPIPE, "EPIPE"},
		{syscall.EROFS, "EROFS"},
	} {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	// On wasip1 the standard library makes its sockets of files, and this is what they say where net.ErrClosed is meant.
	// The error behind it has no name outside the standard library.
	if strings.HasSuffix(err.Error(), "use of closed file") {
		return "closed"
	}
	return fmt.Sprintf("another error: %v", err)
}

// Text is the error's own text with what varies taken out: addr becomes ADDR,
// and the case of the system's message is folded, since wasip1 capitalises it.
func Text(err error, addr net.Addr) string {
	return strings.ReplaceAll(strings.ToLower(err.Error()), addr.String(), "ADDR")
}

// Pattern is n bytes that differ from block to block, so that a lost, doubled
// or swapped part shows in a checksum.
func Pattern(n int, seed uint32) []byte {
	b := make([]byte, n)
	x := seed*2654435761 + 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return b
}
