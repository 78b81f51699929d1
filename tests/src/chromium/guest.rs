//! [`GuestPages`]: guests that were built for Isolated Web Apps, on pages that have one after the other.

use super::{Browser, Evaluation, Page};
use crate::{docs, paths};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

/// How many guests a page has before another one takes its place: each leaves a memory to the collector.
const GUESTS: usize = 16;

/// How long one run of one guest may take. They all end by themselves within a second or two, or after ten.
const DEADLINE: Duration = Duration::from_secs(30);

/// Where a guest runs, and how its calls wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// On a page, whose calls suspend (JSPI).
    Page,
    /// In a worker, whose calls suspend (JSPI).
    Worker,
    /// In a pthread of a page (`-sPROXY_TO_PTHREAD`), which blocks.
    Pthread,
}

/// Which programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Products {
    /// The guests.
    Guests,
    /// The programs of bench/c.
    Bench,
    /// The programs of examples/.
    Examples,
}

impl Place {
    fn products(self, products: Products) -> &'static str {
        match (products, self) {
            (Products::Guests, Place::Page | Place::Worker) => "emscripten-web-jspi",
            (Products::Guests, Place::Pthread) => "emscripten-web-proxy",
            (Products::Bench, Place::Page | Place::Worker) => "bench-emscripten-web-jspi",
            (Products::Bench, Place::Pthread) => "bench-emscripten-web-proxy",
            (Products::Examples, Place::Page | Place::Worker) => "examples-emscripten-web-jspi",
            (Products::Examples, Place::Pthread) => "examples-emscripten-web-proxy",
        }
    }

    /// What the page calls it.
    fn realm(self) -> &'static str {
        match self {
            Place::Page | Place::Pthread => "page",
            Place::Worker => "worker",
        }
    }
}

/// What a guest has done.
#[derive(Debug, Clone)]
pub struct GuestRun {
    /// Its exit status.
    pub status: i32,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
    /// The lines of its trace and its audit, if the options have `collect` with their names.
    pub logs: HashMap<String, Vec<String>>,
}

impl std::fmt::Display for GuestRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "exit status: {}\n--- stdout\n{}--- stderr\n{}",
            self.status, self.stdout, self.stderr
        )
    }
}

/// A browser, and the pages in it that run no guest at the moment.
#[derive(Debug)]
pub struct GuestPages {
    // Before the browser: a page is closed in it.
    free: Mutex<HashMap<Place, Vec<(Page, usize)>>>,
    browser: Browser,
}

impl GuestPages {
    /// Starts a browser whose app has the guests and the package.
    ///
    /// # Errors
    /// As [`Browser::start`].
    pub fn start() -> io::Result<Self> {
        Self::start_with(&[])
    }

    /// The same with more directories below prefixes of the path.
    ///
    /// # Errors
    /// As [`Browser::start`].
    pub fn start_with(more: &[(&str, &Path)]) -> io::Result<Self> {
        let app = docs::root().join("tests/chromium");
        let guests = paths::target_dir().join("guests");
        let package = paths::target_dir().join("npm/guestnet/web");
        let mut directories = more.to_vec();
        directories.extend([
            ("/guests/", guests.as_path()),
            ("/guestnet/", &package),
            ("/web/", &package),
            ("/", &app),
        ]);
        let browser = Browser::start(&directories)?;
        Ok(Self {
            free: Mutex::default(),
            browser,
        })
    }

    /// Runs a guest, with `options` for `Module.guestnet`, until it exits.
    ///
    /// # Errors
    /// When it does not exit in time, the page crashes or the guest is not there.
    pub fn run(&self, place: Place, arguments: &[&str], options: &Value) -> io::Result<GuestRun> {
        self.run_of(Products::Guests, place, arguments, options)
    }

    /// The same for any programs that were built so.
    ///
    /// # Errors
    /// As [`GuestPages::run`].
    pub fn run_of(
        &self,
        products: Products,
        place: Place,
        arguments: &[&str],
        options: &Value,
    ) -> io::Result<GuestRun> {
        let (page, runs) = self.page(place)?;
        // A page where one hangs or fails has no more of them.
        let done = run_on(&page, (products, place), arguments, options)?;
        if runs + 1 < GUESTS {
            let mut free = self.free.lock().expect("no holder panics");
            free.entry(place).or_default().push((page, runs + 1));
        }
        Ok(done)
    }

    /// Starts a program on a page of its own, and does not wait for its end.
    ///
    /// # Errors
    /// When the page does not load.
    ///
    /// # Panics
    /// When the place is a worker, from which no line is reported.
    pub fn start_of(
        &self,
        products: Products,
        place: Place,
        arguments: &[&str],
        mut options: Value,
    ) -> io::Result<RunningGuest> {
        assert_ne!(place, Place::Worker, "its lines cannot be waited for");
        options["lines"] = json!(true);
        let page = self.browser.open()?;
        let evaluation = begin(&page, (products, place), arguments, &options)?;
        Ok(RunningGuest { evaluation, page })
    }

    /// Runs a guest where the page is no app.
    ///
    /// # Errors
    /// As [`GuestPages::run`].
    pub fn run_outside(&self, place: Place, arguments: &[&str]) -> io::Result<GuestRun> {
        let page = self.browser.open_outside()?;
        run_on(&page, (Products::Guests, place), arguments, &json!({}))
    }

    /// Evaluates an expression on a page, and waits for it if it is a promise.
    ///
    /// # Errors
    /// As [`Page::evaluate`].
    pub fn evaluate(&self, expression: &str) -> io::Result<Value> {
        let (page, runs) = self.page(Place::Page)?;
        let value = page.evaluate(expression)?;
        let mut free = self.free.lock().expect("no holder panics");
        free.entry(Place::Page).or_default().push((page, runs));
        Ok(value)
    }

    /// As [`Browser::cpu_time`].
    ///
    /// # Errors
    /// When there is no procfs.
    pub fn cpu_time(&self) -> io::Result<Duration> {
        self.browser.cpu_time()
    }

    /// A page, and how many guests it has had.
    fn page(&self, place: Place) -> io::Result<(Page, usize)> {
        let mut free = self.free.lock().expect("no holder panics");
        let free = free.get_mut(&place).and_then(Vec::pop);
        match free {
            Some(page) => Ok(page),
            None => Ok((self.browser.open()?, 0)),
        }
    }

    /// Ends the browser.
    ///
    /// # Panics
    /// When anything of it is left.
    pub fn close(self) {
        let Self { free, browser } = self;
        drop(free);
        browser.close();
    }
}

/// A guest that has been started. Dropping it closes its page.
#[derive(Debug)]
pub struct RunningGuest {
    evaluation: Evaluation,
    page: Page,
}

impl RunningGuest {
    /// Waits for a line of standard output that begins with `prefix`, and returns the rest of it.
    ///
    /// # Errors
    /// When the page has crashed, or no such line comes in time.
    pub fn line(&self, prefix: &str) -> io::Result<String> {
        loop {
            let line = self.page.report()?;
            if let Some(rest) = line.as_str().and_then(|line| line.strip_prefix(prefix)) {
                return Ok(rest.to_owned());
            }
        }
    }

    /// Waits for its exit.
    ///
    /// # Errors
    /// As [`GuestPages::run`].
    pub fn finish(self) -> io::Result<GuestRun> {
        finish(&self.page, self.evaluation)
    }
}

fn run_on(page: &Page, what: (Products, Place), arguments: &[&str], options: &Value) -> io::Result<GuestRun> {
    finish(page, begin(page, what, arguments, options)?)
}

fn begin(
    page: &Page,
    (products, place): (Products, Place),
    arguments: &[&str],
    options: &Value,
) -> io::Result<Evaluation> {
    let expression = format!(
        "runGuest({}, {}, {}, {options})",
        json!(place.realm()),
        json!(place.products(products)),
        json!(arguments),
    );
    page.begin(&expression)
}

fn finish(page: &Page, evaluation: Evaluation) -> io::Result<GuestRun> {
    let mut done = evaluation.finish_within(page, DEADLINE)?;
    let mut text = |name: &str| match done[name].take() {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let (stdout, stderr) = (text("stdout"), text("stderr"));
    let status = done["status"]
        .as_i64()
        .and_then(|status| i32::try_from(status).ok());
    Ok(GuestRun {
        status: status.ok_or_else(|| io::Error::other("the guest has no exit status"))?,
        stdout,
        stderr,
        logs: serde_json::from_value(done["logs"].take())?,
    })
}
