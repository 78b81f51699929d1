// redis talks to a Redis server through go-redis, unmodified but for its
// Dialer option.
//
//	redis ADDR
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/guestnet/guestnet/guests/go/internal/guest"
	"github.com/guestnet/guestnet/guests/go/internal/sock"
)

func main() {
	if len(os.Args) != 2 {
		guest.Fail("usage: redis ADDR")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client := redis.NewClient(&redis.Options{Addr: os.Args[1], Dialer: sock.DialContext})

	guest.Say("PING: %s", guest.Must(client.Ping(ctx).Result())("PING"))
	guest.Check("SET", client.Set(ctx, "greeting", "hello", 0).Err())
	guest.Say("GET: %s", guest.Must(client.Get(ctx, "greeting").Result())("GET"))
	_, err := client.Get(ctx, "nothing").Result()
	guest.Say("GET a missing key is redis.Nil: %t", errors.Is(err, redis.Nil))

	pipeline(ctx, client)
	publish(ctx, client)
	large(ctx, client)
	concurrent(ctx, client)
	guest.Check("close", client.Close())
	guest.Say("closed")
}

// pipeline: a thousand commands in one write, a thousand answers in one read.
func pipeline(ctx context.Context, client *redis.Client) {
	const n = 1000
	answers := guest.Must(client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for range n {
			p.Incr(ctx, "counter")
		}
		return nil
	}))("pipeline")
	last := answers[len(answers)-1].(*redis.IntCmd).Val()
	guest.Say("pipeline: %d answers, the last is %d", len(answers), last)
}

// publish: the subscription is confirmed before anything is published, so no
// message can be missed.
func publish(ctx context.Context, client *redis.Client) {
	subscription := client.Subscribe(ctx, "news")
	_, err := subscription.Receive(ctx)
	guest.Check("SUBSCRIBE", err)
	for i := range 3 {
		receivers := guest.Must(client.Publish(ctx, "news", fmt.Sprintf("item %d", i)).Result())("PUBLISH")
		guest.Say("PUBLISH reached %d", receivers)
	}
	for range 3 {
		message := guest.Must(subscription.ReceiveMessage(ctx))("receive a message")
		guest.Say("%s: %s", message.Channel, message.Payload)
	}
	guest.Check("unsubscribe", subscription.Close())
}

func large(ctx context.Context, client *redis.Client) {
	value := guest.Pattern(1<<20, 11)
	guest.Check("SET a large value", client.Set(ctx, "large", value, 0).Err())
	back := guest.Must(client.Get(ctx, "large").Bytes())("GET a large value")
	guest.Say("%d bytes there and back: %t", len(back), bytes.Equal(back, value))
}

func concurrent(ctx context.Context, client *redis.Client) {
	const workers, rounds = 16, 50
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range rounds {
				guest.Check("INCR", client.Incr(ctx, "shared").Err())
			}
		})
	}
	wg.Wait()
	guest.Say("%d workers made shared %s", workers, guest.Must(client.Get(ctx, "shared").Result())("GET"))
}
