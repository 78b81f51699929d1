//! Files: ways out of its directories, and as many open ones as there are.
//!
//! ```text
//! files paths PATH...   tries to open each path from each directory, to read and to write, through links and not. A line each
//!                       that is open: "opened PATH"; and how many attempts there were
//! files link TARGET     makes a link to TARGET in each directory: "link: RESULT"
//! files open HOW        opens a file until it is refused, and keeps HOW of each: the descriptor, its stream only (reading, writing,
//!                       appending), or both; then sockets. "COUNT HOW then ERROR, COUNT sockets then ERROR"
//! files hold HOW        opens as many, says how many, and waits until it is ended: "holds COUNT"
//! files lists COUNT      makes so many files, and lists of all until it is refused: "COUNT lists then ERROR, again COUNT, with COUNT
//!                        names"
//! files again COUNT     opens and drops so many, one after the other: "again ok"
//! ```

use crate::{name, number};
use wasi::filesystem::preopens::get_directories;
use wasi::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};
use wasi::io::streams::{InputStream, OutputStream};
use wasi::sockets::network::IpAddressFamily;
use wasi::sockets::tcp_create_socket::create_tcp_socket;

/// Does what the arguments say.
pub fn run(words: &[&str]) {
    match words {
        ["paths", paths @ ..] => tries(paths),
        ["link", target] => {
            for (directory, _) in get_directories() {
                let made = directory.symlink_at(target, "link");
                println!("link: {}", made.map_or_else(|error| error.name(), |()| "ok"));
            }
        }
        ["open", how] => opens(how),
        ["hold", how] => {
            let (directory, _) = get_directories().swap_remove(0);
            let files: Vec<_> = std::iter::from_fn(|| keep(&directory, how).ok()).collect();
            println!("holds {}", files.len());
            crate::sleep();
        }
        ["lists", _] => lists(number(words, 1)),
        ["again", _] => {
            let (directory, _) = get_directories().swap_remove(0);
            for _ in 0..number(words, 1) {
                let file = open(&directory).expect("a file");
                let (reader, writer) = (file.read_via_stream(0), file.write_via_stream(0));
                drop(file);
                drop((reader, writer));
                let none = directory.open_at(
                    PathFlags::empty(),
                    "none",
                    OpenFlags::empty(),
                    DescriptorFlags::READ,
                );
                assert_eq!(none.err(), Some(ErrorCode::NoEntry));
            }
            println!("again ok");
        }
        _ => panic!("no such mode"),
    }
}

fn tries(paths: &[&str]) {
    let mut attempts = 0;
    for (directory, _) in get_directories() {
        for path in paths {
            for follow in [PathFlags::SYMLINK_FOLLOW, PathFlags::empty()] {
                for flags in [
                    DescriptorFlags::READ,
                    DescriptorFlags::READ | DescriptorFlags::WRITE,
                    DescriptorFlags::MUTATE_DIRECTORY | DescriptorFlags::READ,
                ] {
                    for how in [OpenFlags::empty(), OpenFlags::DIRECTORY, OpenFlags::CREATE] {
                        attempts += 1;
                        if directory.open_at(follow, path, how, flags).is_ok() {
                            println!("opened {path}");
                        }
                    }
                }
            }
            if directory.stat_at(PathFlags::SYMLINK_FOLLOW, path).is_ok() {
                println!("saw {path}");
            }
        }
    }
    println!("{attempts} attempts");
}

fn lists(count: usize) {
    let (directory, _) = get_directories().swap_remove(0);
    for number in 0..count {
        let path = format!("file-{number}");
        let made = directory.open_at(
            PathFlags::empty(),
            &path,
            OpenFlags::CREATE,
            DescriptorFlags::WRITE,
        );
        drop(made.expect("a file"));
    }
    let all = || {
        let mut lists = Vec::new();
        loop {
            match directory.read_directory() {
                Ok(list) => lists.push(list),
                Err(error) => return (lists, error),
            }
        }
    };
    let (lists, error) = all();
    print!("{} lists then {}", lists.len(), error.name());
    drop(lists);
    let (lists, _) = all();
    let names = std::iter::from_fn(|| lists[0].read_directory_entry().expect("a name"));
    println!(", again {}, with {} names", lists.len(), names.count());
}

fn open(directory: &Descriptor) -> Result<Descriptor, ErrorCode> {
    directory.open_at(
        PathFlags::empty(),
        "file",
        OpenFlags::CREATE,
        DescriptorFlags::READ | DescriptorFlags::WRITE,
    )
}

/// What is kept of a file, in the order in which it is dropped.
type Kept = (Option<InputStream>, Option<OutputStream>, Option<Descriptor>);

fn keep(directory: &Descriptor, how: &str) -> Result<Kept, ErrorCode> {
    let file = open(directory)?;
    Ok(match how {
        "descriptors" => (None, None, Some(file)),
        "readers" => (Some(file.read_via_stream(0)?), None, None),
        "writers" => (None, Some(file.write_via_stream(0)?), None),
        "appenders" => (None, Some(file.append_via_stream()?), None),
        "all" => (
            Some(file.read_via_stream(0)?),
            Some(file.append_via_stream()?),
            Some(file),
        ),
        other => panic!("no way to keep a file: {other}"),
    })
}

fn opens(how: &str) {
    let (directory, _) = get_directories().swap_remove(0);
    let mut files = Vec::new();
    let error = loop {
        match keep(&directory, how) {
            Ok(file) => files.push(file),
            Err(error) => break error,
        }
    };
    let mut sockets = Vec::new();
    let socket_error = loop {
        match create_tcp_socket(IpAddressFamily::Ipv4) {
            Ok(socket) => sockets.push(socket),
            Err(error) => break error,
        }
    };
    println!(
        "{} {how} then {}, {} sockets then {}",
        files.len(),
        error.name(),
        sockets.len(),
        name(socket_error)
    );
    // All of it comes back.
    let count = files.len();
    drop(files);
    let again = (0..count)
        .map_while(|_| keep(&directory, how).ok())
        .collect::<Vec<_>>();
    println!("again {}", again.len());
}
