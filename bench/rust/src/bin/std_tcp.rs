//! std_tcp send PORT BYTES | recv PORT BYTES: 64 KiB a call. std_tcp write PORT COUNT: so many times 64 bytes, one after the other.
//! std_tcp echo PORT COUNT: 64 bytes there and back.

use std::io::{Read, Result, Write};
use std::net::{Ipv4Addr, TcpStream};

/// What the kernel fills. Where it is aligned to less than 16 bytes, some processors copy into it several times more slowly.
#[repr(align(64))]
struct Buffer([u8; 65_536]);

const MESSAGE: usize = 64;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let what = args.next().expect("send, recv, write or echo");
    let port: u16 = args.next().and_then(|port| port.parse().ok()).expect("a port");
    let mut left: usize = args.next().and_then(|count| count.parse().ok()).expect("a count");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let mut buffer = Box::new(Buffer([7; 65_536]));
    let Buffer(bytes) = &mut *buffer;
    match what.as_str() {
        "send" => {
            while left > 0 {
                let size = left.min(bytes.len());
                stream.write_all(&bytes[..size])?;
                left -= size;
            }
        }
        "recv" => {
            while left > 0 {
                let size = left.min(bytes.len());
                let count = stream.read(&mut bytes[..size])?;
                assert_ne!(count, 0, "the peer closed early");
                left -= count;
            }
        }
        "write" => {
            for _ in 0..left {
                stream.write_all(&bytes[..MESSAGE])?;
            }
        }
        "echo" => {
            for _ in 0..left {
                stream.write_all(&bytes[..MESSAGE])?;
                stream.read_exact(&mut bytes[..MESSAGE])?;
            }
        }
        _ => panic!("send, recv, write or echo"),
    }
    Ok(())
}
