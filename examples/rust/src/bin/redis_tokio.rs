//! Redis on tokio: `redis_tokio ADDRESS:PORT`. Not for wasm32-wasip1, where this part of the crate does not compile.

#[cfg(not(target_env = "p1"))]
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    examples::end(run().await)
}

#[cfg(target_env = "p1")]
fn main() {
    eprintln!("the crate redis needs `TcpStream::connect` of tokio, which wasm32-wasip1 has not");
    std::process::exit(1);
}

#[cfg(not(target_env = "p1"))]
async fn run() -> Result<(), examples::Failure> {
    use redis::AsyncCommands;

    let address = std::env::args().nth(1).ok_or("redis_tokio ADDRESS:PORT")?;
    let client = redis::Client::open(format!("redis://{address}"))?;
    let mut redis = client.get_multiplexed_async_connection().await?;
    // Many callers of one connection.
    let mut callers = Vec::new();
    for _ in 0..10 {
        let mut redis = redis.clone();
        callers.push(tokio::spawn(
            async move { redis.incr::<_, _, u32>("calls", 1).await },
        ));
    }
    let mut calls = Vec::new();
    for caller in callers {
        calls.push(caller.await??);
    }
    calls.sort_unstable();
    println!("calls: {calls:?}");
    let large = "x".repeat(1 << 20);
    let () = redis.set("large", &large).await?;
    println!("large: {}", redis.get::<_, String>("large").await? == large);
    let () = redis.del(&["calls", "large"]).await?;
    Ok(())
}
