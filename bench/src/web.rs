//! The rows of `bench web`: programs that emcc built for an Isolated Web App, on a page with JSPI and in a pthread, against the same work in
//! plain JavaScript on the same API, in one headless Chromium. A row is the time from the peer's accept to the last byte that it
//! receives, how long after that the connection ends, and the CPU time of all of the browser's processes until then.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use guestnet_tests::chromium::{GuestPages, Place, Products};
use serde_json::json;

use crate::record::Figure;
use crate::report::Report;
use crate::{Plan, Result, bars};

const BULK: u64 = 128 << 20;
const ECHOES: u64 = 3000;

/// Bytes of one message.
const MESSAGE: usize = 64;

/// A row: the arguments of the program and of the script.
struct Row {
    name: &'static str,
    program: &'static [&'static str],
    script: &'static str,
    count: u64,
    peer: fn(TcpListener, u64) -> std::io::Result<Times>,
}

const ROWS: [Row; 3] = [
    Row {
        name: "TCP bulk send, 64 KiB",
        program: &["tcp_bulk", "send"],
        script: "send",
        count: BULK,
        peer: sink,
    },
    Row {
        name: "TCP bulk receive, 64 KiB",
        program: &["tcp_bulk", "recv"],
        script: "recv",
        count: BULK,
        peer: source,
    },
    Row {
        name: "TCP echo 64 B",
        program: &["tcp_echo", "blocking"],
        script: "echo",
        count: ECHOES,
        peer: echo,
    },
];

/// What does the work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Plain,
    Guest(Place),
}

const SIDES: [(&str, Side); 3] = [
    ("plain JavaScript", Side::Plain),
    ("guestnet, a page with JSPI", Side::Guest(Place::Page)),
    ("guestnet, a pthread", Side::Guest(Place::Pthread)),
];

/// What the peer saw, from its accept on.
struct Times {
    /// Until the last byte.
    work: Duration,
    /// Until the end of the connection.
    end: Duration,
}

/// What one run took, in seconds.
#[derive(Clone, Copy)]
struct Took {
    wall: f64,
    /// Between the last byte and the end of the connection.
    end: f64,
    cpu: f64,
}

/// Measures every row of the plan.
///
/// # Errors
/// The first run that failed. A row that misses its bar is no error.
pub(crate) fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let rows: Vec<&Row> = ROWS.iter().filter(|row| plan.has(row.name)).collect();
    if rows.is_empty() {
        return Ok(());
    }
    report.version_of("Chromium", Command::new("chromium").arg("--version"));
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("js/web");
    let pages = GuestPages::start_with(&[("/bench/", &scripts)]).map_err(|error| error.to_string())?;
    for row in rows {
        // The first run of each side compiles it.
        for (_, side) in SIDES {
            run(&pages, row, side)?;
        }
        let mut times: Vec<Vec<Took>> = vec![Vec::new(); SIDES.len()];
        for _ in 0..plan.rounds {
            for (times, (_, side)) in times.iter_mut().zip(SIDES) {
                times.push(run(&pages, row, side)?);
            }
        }
        let Some((plain, ours)) = times.split_first() else {
            continue;
        };
        let mut figures = side_figures(row, SIDES[0].0, plain);
        for ((name, _), took) in SIDES.iter().skip(1).zip(ours) {
            figures.extend(side_figures(row, name, took));
            let ratio = |what: &str, of: fn(&Took) -> f64| {
                let label = format!("{name}: ratio of {what}");
                Figure::ratio(label, &each(plain, of), &each(took, of)).at_least(bars::WEB)
            };
            figures.push(ratio("time", |took| took.wall));
            figures.push(ratio("CPU time", |took| took.cpu));
        }
        report.row(row.name, figures);
    }
    Ok(())
}

/// One part of each run.
fn each(took: &[Took], of: fn(&Took) -> f64) -> Vec<f64> {
    took.iter().map(of).collect()
}

/// How fast a side was, the CPU time of it, and how much later its connection ended.
fn side_figures(row: &Row, name: &str, took: &[Took]) -> Vec<Figure> {
    let count = count(row.count);
    let walls = each(took, |took| took.wall).into_iter();
    let rate = if row.count == BULK {
        Figure::new(
            name,
            "MB/s",
            &walls.map(|wall| count / wall / 1e6).collect::<Vec<_>>(),
        )
    } else {
        let times: Vec<f64> = walls.map(|wall| wall / count * 1e6).collect();
        Figure::new(format!("{name}: a round trip"), "us", &times)
    };
    vec![
        rate,
        Figure::new(format!("{name}: CPU time"), "s", &each(took, |took| took.cpu)),
        Figure::new(
            format!("{name}: from the last byte to the end"),
            "ms",
            &each(took, |took| took.end * 1e3),
        ),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "a count of bytes or of messages")]
fn count(number: u64) -> f64 {
    number as f64
}

fn run(pages: &GuestPages, row: &Row, side: Side) -> Result<Took> {
    let failed = |error: std::io::Error| format!("{}: {error}", row.name);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    let (serve, count) = (row.peer, row.count);
    let peer: JoinHandle<std::io::Result<Times>> = std::thread::spawn(move || serve(listener, count));
    let before = pages.cpu_time().map_err(failed)?;
    match side {
        Side::Plain => {
            let script = format!(
                "import('/bench/plain.js').then(({{ run }}) => run({}, {port}, {count}))",
                json!(row.script)
            );
            pages.evaluate(&script).map_err(failed)?;
        }
        Side::Guest(place) => {
            let (port, count) = (port.to_string(), count.to_string());
            let mut arguments = row.program.to_vec();
            arguments.extend([port.as_str(), count.as_str()]);
            let done = pages
                .run_of(Products::Bench, place, &arguments, &json!({}))
                .map_err(failed)?;
            if done.status != 0 {
                return Err(format!("{}: {done}", row.name));
            }
        }
    }
    let cpu = pages.cpu_time().map_err(failed)?.saturating_sub(before);
    let times = peer.join().map_err(|_| "the peer panicked")?.map_err(failed)?;
    Ok(Took {
        wall: times.work.as_secs_f64(),
        end: (times.end - times.work).as_secs_f64(),
        cpu: cpu.as_secs_f64(),
    })
}

fn sink(listener: TcpListener, count: u64) -> std::io::Result<Times> {
    let (mut stream, _) = listener.accept()?;
    let begin = Instant::now();
    let mut buffer = vec![0; 65536];
    let mut left = count;
    while left > 0 {
        match stream.read(&mut buffer)? {
            0 => {
                return Err(std::io::Error::other(format!(
                    "{left} of {count} bytes are missing"
                )));
            }
            len => left = left.saturating_sub(len as u64),
        }
    }
    ended(&mut stream, begin, begin.elapsed())
}

/// A program that has received all closes the connection at once: its last byte is its end.
fn source(listener: TcpListener, count: u64) -> std::io::Result<Times> {
    let (mut stream, _) = listener.accept()?;
    let begin = Instant::now();
    let data = vec![0; 65536];
    for _ in 0..count / 65536 {
        stream.write_all(&data)?;
    }
    let _ = stream.read(&mut [0])?;
    let all = begin.elapsed();
    Ok(Times { work: all, end: all })
}

fn echo(listener: TcpListener, count: u64) -> std::io::Result<Times> {
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let begin = Instant::now();
    let mut message = [0; MESSAGE];
    for _ in 0..count {
        stream.read_exact(&mut message)?;
        stream.write_all(&message)?;
    }
    ended(&mut stream, begin, begin.elapsed())
}

/// Waits for the end of a connection on which no byte must come any more.
fn ended(stream: &mut TcpStream, begin: Instant, work: Duration) -> std::io::Result<Times> {
    match stream.read(&mut [0])? {
        0 => Ok(Times {
            work,
            end: begin.elapsed(),
        }),
        _ => Err(std::io::Error::other("more bytes came than were sent")),
    }
}
