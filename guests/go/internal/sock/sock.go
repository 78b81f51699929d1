// Package sock is where these guests get their sockets from.
//
// On GOOS=wasip1 every name is the one of github.com/stealthrocket/net/wasip1,
// unmodified; elsewhere it is the one of the standard library. The package
// adds nothing to either, so what a guest sees is what that library sees.
package sock
