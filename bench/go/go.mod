module github.com/guestnet/guestnet/bench/go

go 1.26.0

require github.com/stealthrocket/net v0.2.1
