//! The sockets of a Chrome Isolated Web App (`npm/web` of the package for Emscripten) in a real Chromium, on a page and in a worker, against
//! peers on loopback: no byte is lost, doubled or invented, whatever defects the browser has.
//!
//! What is done in the browser is in `tests/chromium`, one function for each scenario; here are the peers, and what must come of it.
//! `GUESTNET_SOAK=1` moves 1 GiB where CI moves 16 MiB, and repeats what depends on luck.

mod alarm;
mod peers;
mod receive;
mod send;
mod server;
mod udp;

use guestnet_tests::chromium::{Browser, Evaluation, Page};
use guestnet_tests::docs;
use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};

/// The name of a test, and what it does.
type Test = (&'static str, fn(&Case));

/// Where a scenario runs.
#[derive(Debug, Clone, Copy)]
enum Where {
    Page,
    Worker,
}

/// A test: a page of its own, and where in it its scenarios run.
struct Case {
    page: Page,
    place: Where,
}

impl Case {
    /// Begins a scenario.
    fn begin(&self, name: &str, arguments: &Value) -> Evaluation {
        let place = match self.place {
            Where::Page => "page",
            Where::Worker => "worker",
        };
        self.page
            .begin(&format!(
                "scenario({}, {}, {arguments})",
                json!(place),
                json!(name)
            ))
            .expect("begin a scenario")
    }

    /// What a scenario gives.
    fn finish(&self, scenario: Evaluation) -> Value {
        scenario
            .finish(&self.page)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Begins a scenario and gives what it gives.
    fn run(&self, name: &str, arguments: &Value) -> Value {
        self.finish(self.begin(name, arguments))
    }

    /// What the scenario reports next.
    fn report(&self) -> Value {
        self.page.report().unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Whether there is time for long tests.
fn is_soak() -> bool {
    std::env::var_os("GUESTNET_SOAK").is_some()
}

/// The one browser of all tests, started by the first of them.
type Shared = Arc<OnceLock<Result<Browser, String>>>;

fn browser(shared: &Shared) -> &Browser {
    let started = shared.get_or_init(|| {
        let root = docs::root();
        let web = root.join("crates/guest-emscripten/npm/web");
        let app = root.join("tests/chromium");
        Browser::start(&[("/web/", &web), ("/", &app)]).map_err(|error| error.to_string())
    });
    started.as_ref().unwrap_or_else(|error| panic!("{error}"))
}

fn main() {
    let arguments = Arguments::from_args();
    let shared = Shared::default();
    let tests = [
        alarm::TESTS,
        receive::TESTS,
        send::TESTS,
        server::TESTS,
        udp::TESTS,
    ]
    .concat();
    let mut trials = Vec::new();
    for (name, test) in tests {
        for (place, named) in [(Where::Page, "page"), (Where::Worker, "worker")] {
            let shared = Arc::clone(&shared);
            trials.push(Trial::test(format!("chromium_{named}::{name}"), move || {
                let page = browser(&shared).open().expect("open a page");
                test(&Case { page, place });
                Ok(())
            }));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    let Some(shared) = Arc::into_inner(shared) else {
        panic!("a test still runs");
    };
    if let Some(Ok(browser)) = shared.into_inner() {
        browser.close();
    }
    conclusion.exit();
}
