//! MariaDB and MySQL: `mysql USER:PASSWORD@HOST:PORT/DATABASE`.

use examples::{Failure, end};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    end(run().await)
}

/// Where a database is, and who asks.
struct Target {
    user: String,
    password: String,
    host: String,
    port: u16,
    database: String,
}

impl Target {
    fn parse(text: &str) -> Option<Self> {
        let (login, rest) = text.rsplit_once('@')?;
        let (user, password) = login.split_once(':')?;
        let (address, database) = rest.split_once('/')?;
        let (host, port) = address.rsplit_once(':')?;
        Some(Self {
            user: user.to_owned(),
            password: password.to_owned(),
            host: host.to_owned(),
            port: port.parse().ok()?,
            database: database.to_owned(),
        })
    }
}

async fn run() -> Result<(), Failure> {
    let target = std::env::args().nth(1).and_then(|text| Target::parse(&text));
    let mut client = client::connect(target.ok_or("mysql USER:PASSWORD@HOST:PORT/DATABASE")?).await?;
    let table = "CREATE TEMPORARY TABLE fruit (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) UNIQUE, grams INT)";
    client::execute(&mut client, table).await?;
    for (name, grams) in [("apple", 200), ("melon", 1500), ("plum", 50)] {
        let id = client::insert(
            &mut client,
            "INSERT INTO fruit (name, grams) VALUES (?, ?)",
            name,
            grams,
        )
        .await?;
        println!("{id}: {name}");
    }
    let twice = client::execute(&mut client, "INSERT INTO fruit (name, grams) VALUES ('plum', 1)").await;
    println!(
        "a second plum: {}",
        twice.is_err_and(|error| error.to_string().contains("1062"))
    );
    client::execute(&mut client, "BEGIN").await?;
    client::execute(&mut client, "DELETE FROM fruit WHERE grams > 100").await?;
    client::execute(&mut client, "ROLLBACK").await?;
    for (name, grams) in client::rows(&mut client, "SELECT name, grams FROM fruit ORDER BY grams").await? {
        println!("{name}: {grams}");
    }
    let large = client::rows(&mut client, "SELECT REPEAT('x', 1000000), 1").await?;
    println!(
        "large: {:?}",
        large.iter().map(|(text, _)| text.len()).collect::<Vec<_>>()
    );
    client::disconnect(client).await
}

/// By mysql_async, which connects by itself.
#[cfg(not(target_env = "p1"))]
mod client {
    use super::Target;
    use examples::Failure;
    use mysql_async::prelude::Queryable;
    use mysql_async::{Conn, OptsBuilder};

    pub(crate) type Client = Conn;

    pub(crate) async fn connect(target: Target) -> Result<Client, Failure> {
        let options = OptsBuilder::default()
            .ip_or_hostname(target.host)
            .tcp_port(target.port)
            .user(Some(target.user))
            .pass(Some(target.password))
            .db_name(Some(target.database))
            // Otherwise it looks for the server's UNIX socket.
            .prefer_socket(false);
        Ok(Conn::new(options).await?)
    }

    pub(crate) async fn execute(client: &mut Client, sql: &str) -> Result<(), Failure> {
        Ok(client.query_drop(sql).await?)
    }

    pub(crate) async fn insert(
        client: &mut Client,
        sql: &str,
        name: &str,
        grams: i32,
    ) -> Result<u64, Failure> {
        client.exec_drop(sql, (name, grams)).await?;
        client.last_insert_id().ok_or_else(|| "no number".into())
    }

    pub(crate) async fn rows(client: &mut Client, sql: &str) -> Result<Vec<(String, i32)>, Failure> {
        Ok(client.query(sql).await?)
    }

    pub(crate) async fn disconnect(client: Client) -> Result<(), Failure> {
        Ok(client.disconnect().await?)
    }
}

/// By mysql-connector, which takes a connection of any type.
#[cfg(target_env = "p1")]
mod client {
    use super::Target;
    use examples::Failure;
    use mysql_connector::error::ProtocolError;
    use mysql_connector::types::Value;
    use mysql_connector::{Connection, ConnectionOptions, Error, Stream};
    use std::io;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};
    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
    use tokio::net::TcpStream;

    pub(crate) type Client = Connection;

    #[derive(Debug)]
    struct Tcp(TcpStream);

    impl Stream for Tcp {
        const SECURE: bool = false;
        type Options = (String, u16);

        async fn connect((host, port): &Self::Options) -> io::Result<Self> {
            guestnet_guest::tokio::connect((host.as_str(), *port))
                .await
                .map(Self)
        }
    }

    impl AsyncRead for Tcp {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(cx, buf)
        }
    }

    impl AsyncWrite for Tcp {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.0).poll_write(cx, buf)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(cx)
        }
    }

    pub(crate) async fn connect(target: Target) -> Result<Client, Failure> {
        let options = ConnectionOptions::<Tcp> {
            user: target.user,
            password: target.password,
            db_name: Some(target.database),
            connection: (target.host, target.port),
            ..Default::default()
        };
        Connection::connect(Arc::new(options)).await.map_err(failure)
    }

    pub(crate) async fn execute(client: &mut Client, sql: &str) -> Result<(), Failure> {
        client.execute_query(sql).await.map(drop).map_err(failure)
    }

    pub(crate) async fn insert(
        client: &mut Client,
        sql: &str,
        name: &str,
        grams: i32,
    ) -> Result<u64, Failure> {
        let values = [Value::Bytes(name.into()), Value::Int(grams)];
        let mut statement = client.prepare_statement(sql).await.map_err(failure)?;
        statement.execute(&values).await.map_err(failure)?;
        let ids = client
            .query::<Vec<Value>>("SELECT LAST_INSERT_ID()")
            .await
            .map_err(failure)?
            .one()
            .await;
        number(ids.map_err(failure)?.as_deref().and_then(<[Value]>::first))
    }

    pub(crate) async fn rows(client: &mut Client, sql: &str) -> Result<Vec<(String, i32)>, Failure> {
        let rows = client
            .query::<Vec<Value>>(sql)
            .await
            .map_err(failure)?
            .collect()
            .await
            .map_err(failure)?;
        let row = |row: Vec<Value>| match row.first() {
            Some(Value::Bytes(text)) => {
                let number = i32::try_from(number(row.get(1))?)?;
                Ok((String::from_utf8(text.clone())?, number))
            }
            other => Err(format!("not a text: {other:?}").into()),
        };
        rows.into_iter().map(row).collect()
    }

    pub(crate) async fn disconnect(client: Client) -> Result<(), Failure> {
        client.disconnect().await.map_err(failure)
    }

    fn number(value: Option<&Value>) -> Result<u64, Failure> {
        match value {
            Some(Value::ULong(number)) => Ok(*number),
            Some(Value::Long(number)) => Ok(u64::try_from(*number)?),
            Some(Value::Int(number)) => Ok(u64::try_from(*number)?),
            other => Err(format!("not a number: {other:?}").into()),
        }
    }

    /// The crate's errors are none of std's.
    fn failure(error: Error) -> Failure {
        match error {
            Error::Protocol(ProtocolError::Io(error)) => error.into(),
            other => format!("{other:?}").into(),
        }
    }
}
