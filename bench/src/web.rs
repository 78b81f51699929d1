//! The rows of `bench web`: programs that emcc built for an Isolated Web App, on a page with JSPI and in a pthread, against the same work in
//! plain JavaScript on the same API, in one headless Chromium. A row is the time from the peer's accept to the last byte that it
//! receives, how long after that the connection ends, and the CPU time of all of the browser's processes until then.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use guestnet_tests::chromium::{GuestPages, Place, Products};
use serde_json::json;

use crate::stats::{Spread, machine, verdict_at_least};
use crate::{Plan, Result};

/// How much of what plain JavaScript does a program must do in the same time.
const BAR: f64 = 0.9;

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

/// Measures every row of the plan and prints it; with the environment's `GUESTNET_SVG`, draws the ratios into that file.
///
/// # Errors
/// The first run that failed. A row that misses its bar is no error.
pub(crate) fn measure(plan: &Plan) -> Result<()> {
    let rows: Vec<&Row> = ROWS.iter().filter(|row| plan.has(row.name)).collect();
    if rows.is_empty() {
        return Ok(());
    }
    println!("{}", machine());
    println!(
        "{} rounds in one headless Chromium, all sides in turn; median (smallest..largest). ratio = plain JavaScript / guestnet, \
         more is better\n",
        plan.rounds
    );
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("js/web");
    let pages = GuestPages::start_with(&[("/bench/", &scripts)]).map_err(|error| error.to_string())?;
    let mut drawn = Vec::new();
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
        println!("{}", row.name);
        let Some((plain, ours)) = times.split_first() else {
            continue;
        };
        print_side(row, SIDES[0].0, plain);
        for ((name, _), took) in SIDES.iter().skip(1).zip(ours) {
            print_side(row, name, took);
            let ratio = |of: fn(&Took) -> f64| {
                let pairs = plain.iter().zip(took).map(|(plain, ours)| of(plain) / of(ours));
                Spread::of(&pairs.collect::<Vec<_>>())
            };
            let (wall, cpu) = (ratio(|took| took.wall), ratio(|took| took.cpu));
            println!(
                "        ratio of time {wall:.2}  {}",
                verdict_at_least(wall.median, BAR)
            );
            println!(
                "        ratio of CPU  {cpu:.2}  {}",
                verdict_at_least(cpu.median, BAR)
            );
            drawn.push((format!("{}: {name}", row.name), wall));
        }
    }
    if let Some(path) = std::env::var_os("GUESTNET_SVG") {
        std::fs::write(&path, svg(&drawn))
            .map_err(|error| format!("{}: {error}", Path::new(&path).display()))?;
    }
    Ok(())
}

fn print_side(row: &Row, name: &str, took: &[Took]) {
    let count = count(row.count);
    let per = |of: fn(&Took) -> f64| took.iter().map(of).collect::<Vec<_>>();
    let cpu = Spread::of(&per(|took| took.cpu));
    let rate = Spread::of(
        &per(|took| took.wall)
            .iter()
            .map(|wall| match row.count {
                BULK => count / wall / 1e6,
                _ => wall / count * 1e6,
            })
            .collect::<Vec<_>>(),
    );
    let unit = if row.count == BULK {
        "MB/s"
    } else {
        "us a round trip"
    };
    let end = Spread::of(&per(|took| took.end * 1e3));
    println!("    {name:<28} {rate:.1} {unit}, CPU {cpu:.2} s, ends {end:.0} ms later");
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

/// The ratios as bars with their spread, the bar to reach as a line.
fn svg(rows: &[(String, Spread)]) -> String {
    const ROW: usize = 34;
    const LEFT: f64 = 330.0;
    const SCALE: f64 = 180.0;
    let height = ROW * rows.len() + 50;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"18\">Time of plain JavaScript on Direct Sockets / time of guestnet: more is better</text>\n"
    );
    for (index, (name, ratio)) in rows.iter().enumerate() {
        let y = 34 + ROW * index;
        // Into a String, which takes everything.
        let _ = writeln!(
            text,
            "<text x=\"10\" y=\"{}\">{name}</text>\n\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{:.0}\" height=\"18\" fill=\"#4878a8\"/>\n\
             <line x1=\"{:.0}\" x2=\"{:.0}\" y1=\"{}\" y2=\"{}\" stroke=\"black\"/>\n\
             <text x=\"{:.0}\" y=\"{}\">{:.2}</text>",
            y + 13,
            ratio.median * SCALE,
            LEFT + ratio.min * SCALE,
            LEFT + ratio.max * SCALE,
            y + 9,
            y + 9,
            LEFT + ratio.max.max(ratio.median) * SCALE + 6.0,
            y + 13,
            ratio.median,
        );
    }
    let x = LEFT + BAR * SCALE;
    let _ = writeln!(
        text,
        "<line x1=\"{x:.0}\" x2=\"{x:.0}\" y1=\"26\" y2=\"{}\" stroke=\"#c04040\" stroke-dasharray=\"4\"/>\n\
         <text x=\"{x:.0}\" y=\"{}\" fill=\"#c04040\">{BAR}</text>\n</svg>",
        height - 18,
        height - 4,
    );
    text
}
