// Package dial is net.Dial, on GOOS=wasip1 that of github.com/stealthrocket/net.
package dial
