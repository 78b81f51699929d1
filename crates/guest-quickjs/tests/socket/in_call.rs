//! A receive that waits in the kernel, because nothing else can happen: it ends by data and by a stop, and nothing else is missed.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};

use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, Guest};
use guestnet_host_os::{OsHost, Stopper};
use guestnet_quickjs::{End, ScriptBuilder, ThreadHost};

use crate::support::{PRELUDE, prints_on, run, run_all_with};

/// A script on a thread of its own, which is connected to a stream of the test's.
struct Connected {
    thread: JoinHandle<End>,
    /// The thread's directory below /proc.
    task: PathBuf,
    peer: TcpStream,
    flag: Arc<AtomicBool>,
    stopper: Stopper,
}

/// What each begins with: `fd` is the connection.
const CONNECT: &str = "import * as os from 'os';
    const fd = os.socket(os.AF_INET, os.SOCK_STREAM), buffer = new Uint8Array(64);
    await os.connect(fd, {addr: '127.0.0.1', port: Number(scriptArgs[0])});\n";

fn connected(source: &str) -> Connected {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut host = OsHost::new().unwrap();
    host.stop_by_signal().unwrap();
    let stopper = host.stopper();
    let guest = Guest::new(Arc::new(Policy::allow_all()), Capacity::default(), 0).thread(host);
    let mut builder = ScriptBuilder::new(guest);
    builder.arg(port.to_string());
    let flag = builder.stop_flag();
    let source = format!("{CONNECT}{source}");
    let (ready, begins) = channel();
    let thread = thread::spawn(move || {
        ready
            .send(std::fs::read_link("/proc/thread-self").unwrap())
            .unwrap();
        builder.build().unwrap().run("test.js", source.as_bytes())
    });
    let (peer, _) = listener.accept().unwrap();
    Connected {
        thread,
        task: Path::new("/proc").join(begins.recv().unwrap()),
        peer,
        flag,
        stopper,
    }
}

impl Connected {
    /// Waits until the script's thread waits in recvfrom(2).
    fn receives(&self) {
        // proc_pid_syscall(5).
        let number = format!("{} ", libc::SYS_recvfrom);
        let call = || std::fs::read_to_string(self.task.join("syscall")).unwrap();
        while !call().starts_with(&number) {
            thread::yield_now();
        }
    }

    fn stop(self) -> End {
        self.flag.store(true, Ordering::Relaxed);
        self.stopper.stop().unwrap();
        self.thread.join().unwrap()
    }
}

#[test]
fn a_receive_that_is_all_that_can_happen_waits_in_the_kernel() {
    let mut script = connected(
        "let all = 0;
         while (all < 30) all += await os.recv(fd, buffer, {fully: true, length: 10});
         os.close(fd);",
    );
    for count in [10, 3, 7, 10] {
        script.receives();
        script.peer.write_all(&vec![1; count]).unwrap();
    }
    assert_eq!(script.thread.join().unwrap(), End::Exit(0));
}

#[test]
fn a_stop_at_any_moment_of_a_receive_ends_it() {
    for round in 0_u32..40 {
        let script = connected("for (;;) await os.recv(fd, buffer);");
        if round.is_multiple_of(2) {
            script.receives();
        } else {
            for _ in 0..round * 200 {
                std::hint::spin_loop();
            }
        }
        assert_eq!(script.stop(), End::Stop, "round {round}");
    }
}

#[test]
fn the_end_of_the_stream_and_its_errors_end_a_receive() {
    let script = connected("if (await os.recv(fd, buffer) !== 0) throw 1;");
    script.receives();
    drop(script.peer);
    assert_eq!(script.thread.join().unwrap(), End::Exit(0));
}

/// In each, the receive would wait for ever if something else did not come.
#[test]
fn whatever_else_can_happen_happens_while_a_receive_waits() {
    let others = [
        "setTimeout(() => { print('timer'); os.close(b); }, 1);",
        "const signal = AbortSignal.timeout(1); setTimeout(() => {}, 20);
         signal.onabort = () => { print('signal'); os.close(b); };",
        "const [fd, to] = udp(); os.setReadHandler(fd, () => { print('handler'); os.setReadHandler(fd, null); os.close(b); });
         os.sendto(fd, to, bytes('x'));",
        "const [c, d] = await pair(); os.recv(d, new Uint8Array(1)).then(() => { print('receive'); os.close(b); });
         os.send(c, bytes('x'));",
        "os.getaddrinfoAsync('localhost', 80).then(() => { print('name'); os.close(b); });",
        "const worker = new os.Worker('/child.js');
         worker.onmessage = () => { print('worker'); worker.onmessage = null; os.close(b); };",
        "const worker = new os.Worker('/child.js');
         const cells = new Int32Array(new SharedArrayBuffer(4)); worker.postMessage(cells.buffer);
         Promise.resolve(Atomics.waitAsync(cells, 0, 0).value).then(() => { print('cell'); os.close(b); });",
        "os.accept(listener()[0]); await null; Promise.resolve().then(() => { print('microtask'); os.close(b); });",
    ];
    for other in others {
        let directory = tempfile::tempdir().unwrap();
        let child = "import { Worker } from 'os';
            Worker.parent.postMessage(1);
            Worker.parent.onmessage = ({ data }) => {
                Atomics.store(new Int32Array(data), 0, 1);
                Atomics.notify(new Int32Array(data), 0);
            };";
        std::fs::write(directory.path().join("child.js"), child).unwrap();
        let source = format!(
            "import * as std from 'std'; {PRELUDE}
             const [a, b] = await pair();
             const wait = fails(os.recv(b, new Uint8Array(4)));
             {other}
             print(await wait);
             std.exit(0);"
        );
        let outcome = run_all_with(
            |host| host.stop_by_signal().unwrap(),
            Some(directory.path()),
            &source,
            |builder| {
                builder.workers(|| {
                    let host = OsHost::new()?;
                    let stopper = host.stopper();
                    let stop = Box::new(move || stopper.stop().unwrap());
                    Ok(ThreadHost { host, stop })
                });
            },
        );
        assert_eq!(outcome.end, End::Exit(0), "{other}: {}", outcome.err);
        assert!(outcome.out.ends_with("\n-125\n"), "{other}: {}", outcome.out);
    }
}

/// After receives that came too early the next ones are not tried before they wait, but for those that must not wait or fail.
#[test]
fn a_receive_that_waits_before_it_is_tried_misses_nothing() {
    for by_signal in [false, true] {
        prints_on(
            |host| {
                if by_signal {
                    host.stop_by_signal().unwrap();
                }
            },
            "const [a, b] = await pair();
             const buffer = new Uint8Array(8);
             const early = async count => {
                 for (let i = 0; i < count; i++) {
                     const received = os.recv(b, buffer);
                     await os.send(a, bytes('abc'));
                     if (await received !== 3) print('too few');
                 }
             };
             for (let already = 1; already <= 20; already++) {
                 await early(already);
                 os.send(a, bytes('xyz'));
                 const received = await os.recv(b, buffer, 2);
                 if (received !== 2 || text(buffer, 2) !== 'xy') print('wrong', received);
                 if (await os.recv(b, buffer, 8, os.MSG_DONTWAIT) !== 1) print('wrong rest');
             }
             await early(3);
             const detached = new ArrayBuffer(4);
             detached.transfer();
             const frozen = new ArrayBuffer(4).transferToImmutable();
             print(await fails(os.recv(b, detached)), await fails(os.recv(b, new Uint8Array(frozen))));
             print(await fails(os.recv(b, buffer, 8, os.MSG_DONTWAIT)));
             const waits = [os.recv(b, buffer, 1), os.recv(b, buffer, 1), fails(os.recv(b, buffer, 8))];
             os.send(a, bytes('12'));
             print((await Promise.all(waits.slice(0, 2))).join());
             os.close(b);
             print(await waits[2]);",
            "-14 -14\n-11\n1,1\n-125\n",
        );
    }
}

#[test]
fn a_rejection_of_a_receive_that_was_not_tried_names_an_earlier_one() {
    let source = format!(
        "{PRELUDE}
         const [a, b] = await pair();
         const receive = () => os.recv(b, new Uint8Array(8));
         for (let i = 0; i < 3; i++) {{
             const received = receive();
             os.send(a, bytes('abc'));
             await received;
         }}
         const last = os.recv(b, new Uint8Array(8));
         os.close(b);
         await last;"
    );
    let outcome = run(&source);
    let words = "ECANCELED (operation canceled), from os.recv, called before at test.js:";
    assert!(outcome.err.contains(words), "{}", outcome.err);
    assert_eq!(outcome.end, End::Exit(1));
}
