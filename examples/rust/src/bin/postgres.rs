//! PostgreSQL: `postgres URL`. The crate is given a connection: what it has to connect by itself does not compile for WASI.

use examples::{Failure, end};
use std::process::ExitCode;
use tokio_postgres::config::Host;
use tokio_postgres::{Config, NoTls};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    end(run().await)
}

async fn run() -> Result<(), Failure> {
    let config: Config = std::env::args().nth(1).ok_or("postgres URL")?.parse()?;
    let (Some(Host::Tcp(host)), Some(port)) = (config.get_hosts().first(), config.get_ports().first()) else {
        return Err("no host and port".into());
    };
    let stream = guestnet_guest::tokio::connect((host.as_str(), *port)).await?;
    let (mut client, connection) = config.connect_raw(stream, NoTls).await?;
    let connection = tokio::spawn(connection);

    client
        .batch_execute(
            "CREATE TEMPORARY TABLE fruit (id serial PRIMARY KEY, name text UNIQUE, weight float8)",
        )
        .await?;
    let insert = client
        .prepare("INSERT INTO fruit (name, weight) VALUES ($1, $2) RETURNING id")
        .await?;
    for (name, weight) in [("apple", 0.2), ("melon", 1.5), ("plum", 0.05)] {
        let id: i32 = client.query_one(&insert, &[&name, &weight]).await?.get(0);
        println!("{id}: {name}");
    }
    let twice = client.query(&insert, &[&"plum", &1.0]).await.map(drop);
    println!(
        "twice: {:?}",
        twice.map_err(|error| error.code().map(|code| code.code().to_owned()))
    );

    let transaction = client.transaction().await?;
    let gone = transaction.execute("DELETE FROM fruit", &[]).await?;
    transaction.rollback().await?;
    println!("{gone} were gone, until the rollback");

    for row in client
        .query(
            "SELECT name, weight FROM fruit WHERE weight > $1 ORDER BY weight",
            &[&0.1f64],
        )
        .await?
    {
        println!("{}: {}", row.get::<_, String>(0), row.get::<_, f64>(1));
    }
    // Two questions on the way at the same time.
    let (one, other) = tokio::join!(
        client.query_one("SELECT sum(n) FROM generate_series(1, 100000) n", &[]),
        client.query_one("SELECT length(repeat('x', 1000000))", &[]),
    );
    println!(
        "sum: {}, length: {}",
        one?.get::<_, i64>(0),
        other?.get::<_, i32>(0)
    );
    drop(client);
    connection.await??;
    Ok(())
}
