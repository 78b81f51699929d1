//! Redis: `redis HOST:PORT`. `redis_tokio.rs` is the same crate on tokio.

use examples::{Failure, end};
use redis::{Commands, ConnectionLike, pipe};
use std::process::ExitCode;

fn main() -> ExitCode {
    end(run())
}

fn run() -> Result<(), Failure> {
    let address = std::env::args().nth(1).ok_or("redis HOST:PORT")?;
    let mut redis = connect(&address)?;
    let stored: String = redis.set("greeting", "hello")?;
    let greeting: String = redis.get("greeting")?;
    println!("{stored}: {greeting}");
    let missing: Option<String> = redis.get("no such key")?;
    println!("no such key: {missing:?}");
    let large = "x".repeat(1 << 20);
    let () = redis.set("large", &large)?;
    println!("large: {}", redis.get::<_, String>("large")? == large);

    let mut commands = pipe();
    for number in 0..100 {
        commands.rpush("numbers", number).ignore();
    }
    commands.lrange("numbers", 0, -1).del("numbers").ignore();
    let (numbers,): (Vec<u32>,) = commands.query(&mut redis)?;
    println!("numbers: {}", numbers.iter().sum::<u32>());

    let wrong = redis.incr::<_, _, u32>("greeting", 1);
    println!(
        "not a number: {:?}",
        wrong.map_err(|error| error.code().map(str::to_owned))
    );
    let () = redis.del(&["greeting", "large"])?;
    Ok(())
}

/// The crate connects by itself.
#[cfg(not(target_env = "p1"))]
fn connect(address: &str) -> Result<impl ConnectionLike, Failure> {
    Ok(redis::Client::open(format!("redis://{address}"))?.get_connection()?)
}

/// The crate's commands work on everything that sends and receives them.
#[cfg(target_env = "p1")]
fn connect(address: &str) -> Result<impl ConnectionLike, Failure> {
    Ok(given::Connection {
        stream: guestnet_guest::TcpStream::connect(address)?,
        parser: redis::Parser::new(),
    })
}

#[cfg(target_env = "p1")]
mod given {
    use guestnet_guest::TcpStream;
    use redis::{ConnectionLike, Parser, RedisResult, Value};
    use std::io::Write;

    pub(crate) struct Connection {
        pub(crate) stream: TcpStream,
        pub(crate) parser: Parser,
    }

    impl ConnectionLike for Connection {
        fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
            self.stream.write_all(command)?;
            self.parser.parse_value(&self.stream)?.extract_error()
        }

        fn req_packed_commands(
            &mut self,
            commands: &[u8],
            offset: usize,
            count: usize,
        ) -> RedisResult<Vec<Value>> {
            self.stream.write_all(commands)?;
            for _ in 0..offset {
                self.parser.parse_value(&self.stream)?;
            }
            (0..count)
                .map(|_| self.parser.parse_value(&self.stream))
                .collect()
        }

        fn get_db(&self) -> i64 {
            0
        }

        fn check_connection(&mut self) -> bool {
            redis::cmd("PING").query::<String>(self).is_ok()
        }

        fn is_open(&self) -> bool {
            true
        }
    }
}
