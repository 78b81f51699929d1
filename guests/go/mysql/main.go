// mysql talks to a MySQL or MariaDB server through database/sql and
// go-sql-driver/mysql, unmodified but for the registered dial function.
//
//	mysql DSN      user:password@tcp(host:port)/database
package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/guestnet/guestnet/guests/go/internal/guest"
	"github.com/guestnet/guestnet/guests/go/internal/sock"
)

func main() {
	if len(os.Args) != 2 {
		guest.Fail("usage: mysql DSN")
	}
	mysql.RegisterDialContext("tcp", func(ctx context.Context, addr string) (net.Conn, error) {
		return sock.DialContext(ctx, "tcp", addr)
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db := guest.Must(sql.Open("mysql", os.Args[1]))("open")
	guest.Check("ping", db.PingContext(ctx))
	guest.Say("connected")

	exec(ctx, db, "DROP TABLE IF EXISTS parts")
	exec(ctx, db, "CREATE TABLE parts (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(64) NOT NULL, body LONGBLOB) ENGINE=InnoDB")
	for i := range 10 {
		exec(ctx, db, "INSERT INTO parts (name) VALUES (?)", fmt.Sprintf("part %d", i))
	}
	rows(ctx, db)
	transaction(ctx, db)
	blob(ctx, db)
	failure(ctx, db)
	concurrent(ctx, db)
	exec(ctx, db, "DROP TABLE parts")
	guest.Check("close", db.Close())
	guest.Say("closed")
}

func exec(ctx context.Context, db *sql.DB, query string, args ...any) {
	_, err := db.ExecContext(ctx, query, args...)
	guest.Check(query, err)
}

func rows(ctx context.Context, db *sql.DB) {
	result := guest.Must(db.QueryContext(ctx, "SELECT id, name FROM parts WHERE id > ? ORDER BY id", 7))("select")
	defer result.Close()
	for result.Next() {
		var id int
		var name string
		guest.Check("scan", result.Scan(&id, &name))
		guest.Say("row %d: %s", id, name)
	}
	guest.Check("rows", result.Err())
}

func transaction(ctx context.Context, db *sql.DB) {
	for _, commit := range []bool{false, true} {
		tx := guest.Must(db.BeginTx(ctx, nil))("begin")
		_, err := tx.ExecContext(ctx, "UPDATE parts SET name = 'changed' WHERE id = 1")
		guest.Check("update", err)
		if commit {
			guest.Check("commit", tx.Commit())
		} else {
			guest.Check("roll back", tx.Rollback())
		}
		var name string
		guest.Check("select", db.QueryRowContext(ctx, "SELECT name FROM parts WHERE id = 1").Scan(&name))
		guest.Say("transaction, commit %t: %s", commit, name)
	}
}

func blob(ctx context.Context, db *sql.DB) {
	body := guest.Pattern(1<<20, 13)
	exec(ctx, db, "UPDATE parts SET body = ? WHERE id = 2", body)
	var back []byte
	guest.Check("select", db.QueryRowContext(ctx, "SELECT body FROM parts WHERE id = 2").Scan(&back))
	guest.Say("%d bytes there and back: %t", len(back), bytes.Equal(back, body))
}

func failure(ctx context.Context, db *sql.DB) {
	_, err := db.ExecContext(ctx, "INSERT INTO parts (id, name) VALUES (1, 'again')")
	if server, ok := err.(*mysql.MySQLError); ok {
		guest.Say("a duplicate key is server error %d", server.Number)
	} else {
		guest.Fail("a duplicate key gave %v", err)
	}
}

func concurrent(ctx context.Context, db *sql.DB) {
	const workers, rounds = 8, 20
	db.SetMaxOpenConns(workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range rounds {
				exec(ctx, db, "INSERT INTO parts (name) VALUES ('concurrent')")
			}
		})
	}
	wg.Wait()
	var n int
	guest.Check("count", db.QueryRowContext(ctx, "SELECT COUNT(*) FROM parts WHERE name = 'concurrent'").Scan(&n))
	guest.Say("%d workers inserted %d rows", workers, n)
}
