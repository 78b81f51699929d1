//! What is no socket: arguments, the environment, standard streams, files, clocks, and the exit code.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use std_net::show;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    println!("arguments: {arguments:?}");
    println!("environment: {:?}", std::env::var("GREETING"));
    let mut input = String::new();
    io::stdin().read_to_string(&mut input)?;
    println!("standard input: {input:?}");
    io::stderr().write_all(b"to standard error\n")?;
    let directory = std::env::args().nth(1).unwrap_or_else(|| "/tmp".to_owned());
    files(Path::new(&directory))?;
    let (began, wall) = (Instant::now(), SystemTime::now());
    std::thread::sleep(Duration::from_millis(30));
    println!("slept: {}", began.elapsed() >= Duration::from_millis(30));
    println!("wall clock: {}", wall.elapsed().is_ok());
    let large = "0123456789".repeat(20_000);
    println!("{large}");
    println!("hash keys: {}", std::collections::HashMap::from([(1, 2)])[&1]);
    std::process::exit(7);
}

fn files(directory: &Path) -> io::Result<()> {
    let path = directory.join("file");
    let content: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    fs::write(&path, &content)?;
    println!("read back: {}", fs::read(&path)? == content);
    OpenOptions::new()
        .append(true)
        .open(&path)?
        .write_all(b"appended")?;
    println!("length: {}", fs::metadata(&path)?.len());
    let mut file = File::open(&path)?;
    file.seek(SeekFrom::Start(199_998))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    println!("end: {end:?}");
    show(
        "writing to what was opened to be read",
        file.write(b"x").map_err(|_| io::ErrorKind::Other.into()),
    );
    let mut both = OpenOptions::new().read(true).write(true).open(&path)?;
    both.seek(SeekFrom::Start(10))?;
    both.write_all(b"ten")?;
    both.seek(SeekFrom::Start(9))?;
    let mut bytes = [0; 5];
    both.read_exact(&mut bytes)?;
    println!("in the middle: {bytes:?}");
    show("not there", File::open(directory.join("nothing")).map(drop));
    fs::create_dir(directory.join("below"))?;
    let mut names: Vec<_> = fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<io::Result<_>>()?;
    names.sort();
    println!("in the directory: {names:?}");
    fs::remove_file(&path)?;
    println!("gone: {}", !path.exists());
    Ok(())
}
