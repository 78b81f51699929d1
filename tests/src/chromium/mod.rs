//! A headless Chromium with an Isolated Web App in it: the only kind of page that has Direct Sockets.
//!
//! The app is files of the repository, served on loopback and installed in developer mode, as Chromium offers it to those who write such
//! apps. A dropped browser leaves no process and no file. The tests themselves are in `tests/tests/chromium`.

mod app;
mod guest;
mod protocol;

pub use guest::{GuestPages, GuestRun, Place, Products, RunningGuest};

use crate::paths::find_program;
use app::Server;
use protocol::{Event, Pending, Protocol};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Where Debian's package has the program. The one on `PATH` is a script around it.
const PROGRAM: &str = "/usr/lib/chromium/chromium";

/// How long anything may take that a page or the browser is asked for.
const DEADLINE: Duration = Duration::from_secs(120);

/// What is true on a page of the tests when it has loaded.
const DRIVER: &str = "typeof scenario === 'function'";

/// How often a page that loads, or a browser that ends, is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// In how many parts of a second Linux counts the CPU time of a process.
const USER_HZ: u64 = 100;

/// How long the browser's processes may take to end.
const PARTING: Duration = Duration::from_secs(10);

/// What has no place in a test, and what turns Isolated Web Apps on. CI runs as root, where the browser's own sandbox does not work.
const FLAGS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    "--enable-features=IsolatedWebApps,IsolatedWebAppDevMode",
    // Names that the browser looks up itself; it asks no server.
    "--host-resolver-rules=MAP *.loopback.test 127.0.0.1, MAP nowhere.test ~NOTFOUND",
];

/// A running browser with the app installed.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    protocol: Arc<Protocol>,
    origin: String,
    /// Where the app is served.
    port: u16,
    /// Its server, if that is ours.
    _server: Option<Server>,
    // It goes after `drop` has ended the processes that live in it.
    home: TempDir,
}

impl Browser {
    /// Starts one, and installs an app of directories, each below a prefix of the path; of those that begin a path the first is it.
    ///
    /// # Errors
    ///
    /// When Chromium is not installed, does not start, or does not install the app.
    pub fn start(app: &[(&str, &Path)]) -> io::Result<Self> {
        let server = Server::start(app)?;
        Self::launch(server.port(), Some(server))
    }

    /// Starts one, and installs the app that somebody else serves on a port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// As [`Browser::start`].
    pub fn start_served(port: u16) -> io::Result<Self> {
        Self::launch(port, None)
    }

    fn launch(port: u16, server: Option<Server>) -> io::Result<Self> {
        let program = program()?;
        let home = tempfile::Builder::new().prefix("guestnet-chromium-").tempdir()?;
        let log = File::create(home.path().join("log"))?;
        // The protocol is on descriptors 3 and 4, where std puts none.
        let line = "exec 3<&0 4>&1 </dev/null >/dev/null; exec \"$@\"";
        let mut child = Command::new("/bin/sh")
            .args(["-c", line, "sh"])
            .arg(program)
            .args(FLAGS)
            .arg(format!(
                "--user-data-dir={}",
                home.path().join("profile").display()
            ))
            .arg("about:blank")
            .env("HOME", home.path())
            .env("TMPDIR", home.path())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let (commands, answers) = (child.stdin.take(), child.stdout.take());
        let (Some(commands), Some(answers)) = (commands, answers) else {
            unreachable!("both were piped");
        };
        let id = app::identity()?;
        let browser = Self {
            child,
            protocol: Arc::new(Protocol::start(commands, answers)),
            origin: format!("isolated-app://{id}"),
            port,
            _server: server,
            home,
        };
        match browser.install() {
            Ok(()) => Ok(browser),
            Err(error) => {
                let log = fs::read_to_string(browser.home.path().join("log")).unwrap_or_default();
                Err(io::Error::other(format!("{error}\n{log}")))
            }
        }
    }

    fn install(&self) -> io::Result<()> {
        let app = json!({
            "manifestId": format!("{}/", self.origin),
            "installUrlOrBundleUrl": format!("http://localhost:{}/", self.port),
        });
        self.protocol.call(None, "PWA.install", &app)?;
        // Without both of them UDP sockets cannot be bound.
        for name in ["loopback-network", "local-network"] {
            let permission =
                json!({ "origin": self.origin, "permission": { "name": name }, "setting": "granted" });
            self.protocol.call(None, "Browser.setPermission", &permission)?;
        }
        Ok(())
    }

    /// Opens a page of the app, and waits until it has loaded.
    ///
    /// # Errors
    ///
    /// When it does not load in time.
    pub fn open(&self) -> io::Result<Page> {
        self.open_at(&format!("{}/index.html", self.origin), DRIVER)
    }

    /// Opens a path of the app, and waits until an expression is true there.
    ///
    /// # Errors
    ///
    /// When it is not true in time.
    pub fn open_until(&self, path: &str, expression: &str) -> io::Result<Page> {
        self.open_at(&format!("{}{path}", self.origin), expression)
    }

    /// Opens the same page where it is served, which is no app there and has no Direct Sockets.
    ///
    /// # Errors
    ///
    /// As [`Browser::open`].
    pub fn open_outside(&self) -> io::Result<Page> {
        self.open_at(&format!("http://localhost:{}/index.html", self.port), DRIVER)
    }

    fn open_at(&self, url: &str, expression: &str) -> io::Result<Page> {
        let target = self
            .protocol
            .call(None, "Target.createTarget", &json!({ "url": url }))?;
        let target = text(&target, "targetId")?;
        let attach = json!({ "targetId": target, "flatten": true });
        let session = self.protocol.call(None, "Target.attachToTarget", &attach)?;
        let session = text(&session, "sessionId")?;
        let page = Page {
            protocol: Arc::clone(&self.protocol),
            events: Mutex::new(self.protocol.subscribe(&session)),
            console: Mutex::default(),
            session,
            target,
        };
        for (method, parameters) in [
            ("Runtime.enable", json!({})),
            ("Inspector.enable", json!({})),
            ("Runtime.addBinding", json!({ "name": "report" })),
        ] {
            self.protocol.call(Some(&page.session), method, &parameters)?;
        }
        let end = Instant::now() + DEADLINE;
        // An evaluation fails while the page takes the place of the empty one.
        while page.evaluate(expression).ok() != Some(json!(true)) {
            if Instant::now() >= end {
                return Err(io::Error::other(format!(
                    "{url} has not loaded: {expression} is not true\n{}",
                    page.console()
                )));
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(page)
    }

    /// The CPU time, user and system, of all its processes until now; those that have ended are left out.
    ///
    /// # Errors
    ///
    /// When there is no procfs.
    pub fn cpu_time(&self) -> io::Result<Duration> {
        let group = self.child.id().to_string();
        let mut ticks = 0;
        for entry in fs::read_dir("/proc")?.flatten() {
            // A process may end meanwhile.
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            // Behind the name, which may have anything in it: state, parent, group, … and from the twelfth on user and system time.
            let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
            if let [_, _, its, ..] = fields[..]
                && its == group
            {
                let spent = fields.iter().skip(11).take(2);
                ticks += spent.filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
            }
        }
        Ok(Duration::from_millis(ticks * (1000 / USER_HZ)))
    }

    /// Ends it.
    ///
    /// # Panics
    ///
    /// When anything of it is left.
    pub fn close(self) {
        let home = self.home().to_path_buf();
        drop(self);
        assert!(!home.exists(), "{} is still there", home.display());
    }

    /// The directory of all its files, which goes with it.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends its processes and removes its shared memory by itself, if it can.
        let _ = self
            .protocol
            .begin(None, "Browser.close", &json!({}))
            .and_then(|pending| pending.within(PARTING));
        let end = Instant::now() + PARTING;
        while let Ok(None) = self.child.try_wait()
            && Instant::now() < end
        {
            thread::sleep(POLL_INTERVAL);
        }
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            // Fails when all have ended already, which is as good.
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.child.wait();
            while test_kill_process_group(group).is_ok() && Instant::now() < end {
                thread::sleep(POLL_INTERVAL);
            }
        }
    }
}

/// A page of the app. Dropping it closes it.
#[derive(Debug)]
pub struct Page {
    protocol: Arc<Protocol>,
    session: String,
    target: String,
    events: Mutex<Receiver<Event>>,
    console: Mutex<Vec<String>>,
}

impl Page {
    /// Evaluates an expression, and waits for it if it is a promise.
    ///
    /// # Errors
    ///
    /// What it throws, that the page has crashed, or that the time is over.
    pub fn evaluate(&self, expression: &str) -> io::Result<Value> {
        self.begin(expression)?.finish(self)
    }

    /// Begins to evaluate an expression.
    ///
    /// # Errors
    ///
    /// When the browser has ended.
    pub fn begin(&self, expression: &str) -> io::Result<Evaluation> {
        let parameters = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        self.protocol
            .begin(Some(&self.session), "Runtime.evaluate", &parameters)
            .map(Evaluation)
    }

    /// The next value that the page hands to `report`.
    ///
    /// # Errors
    ///
    /// When the page has crashed, or nothing comes in time.
    pub fn report(&self) -> io::Result<Value> {
        let end = Instant::now() + DEADLINE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let event = self.events.lock().expect("no holder panics").recv_timeout(left);
            match event {
                Ok(Event::Report(value)) => return Ok(value),
                Ok(Event::Console(line)) => self.note(line),
                Err(_) => {
                    return Err(io::Error::other(format!(
                        "the page reports nothing\n{}",
                        self.console()
                    )));
                }
            }
        }
    }

    /// What the page has printed, and exceptions that were not caught.
    #[must_use]
    pub fn console(&self) -> String {
        let events = self.events.lock().expect("no holder panics");
        for event in events.try_iter() {
            if let Event::Console(line) = event {
                self.note(line);
            }
        }
        self.console.lock().expect("no holder panics").join("\n")
    }

    fn note(&self, line: String) {
        self.console.lock().expect("no holder panics").push(line);
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let target = json!({ "targetId": self.target });
        // A page that has crashed is closed as well; a browser that has ended has none.
        let _ = self.protocol.call(None, "Target.closeTarget", &target);
        self.protocol.unsubscribe(&self.session);
    }
}

/// An expression that is being evaluated.
#[derive(Debug)]
pub struct Evaluation(Pending);

impl Evaluation {
    /// Waits for its value.
    ///
    /// # Errors
    ///
    /// As [`Page::evaluate`] has them.
    pub fn finish(self, page: &Page) -> io::Result<Value> {
        self.finish_within(page, DEADLINE)
    }

    /// The same, for something that takes less.
    ///
    /// # Errors
    ///
    /// As [`Page::evaluate`] has them.
    pub fn finish_within(self, page: &Page, limit: Duration) -> io::Result<Value> {
        let mut answer = self
            .0
            .within(limit)
            .map_err(|error| io::Error::other(format!("{error}\n{}", page.console())))?;
        let thrown = &answer["exceptionDetails"];
        if thrown.is_null() {
            return Ok(answer["result"]["value"].take());
        }
        let what = thrown["exception"]["description"]
            .as_str()
            .or(thrown["exception"]["value"].as_str())
            .map_or_else(|| thrown.to_string(), str::to_owned);
        Err(io::Error::other(format!("{what}\n{}", page.console())))
    }
}

fn text(answer: &Value, name: &str) -> io::Result<String> {
    answer[name]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| io::Error::other(format!("no {name} in {answer}")))
}

/// The browser's program, or an error that says how to get it.
fn program() -> io::Result<PathBuf> {
    let debian = PathBuf::from(PROGRAM);
    if debian.is_file() {
        return Ok(debian);
    }
    find_program("chromium").ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            "chromium is not installed: `apt-get install chromium` has it",
        )
    })
}
