//! The families of measurements: their names, and what a reader of their figures has to know.

/// A family as the page shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    /// On the command line, and of its files.
    pub(crate) name: &'static str,
    /// The heading.
    pub(crate) title: &'static str,
    /// What its figures mean.
    pub(crate) about: &'static str,
    /// What the plot shows.
    pub(crate) plot: &'static str,
}

/// In the order of the page.
pub(crate) const FAMILIES: [Family; 9] = [
    Family {
        name: "wasi",
        title: "WASI preview 1",
        about: "C against the same source built natively: CPU time of the program under test, its start subtracted. The rows of Go compare \
                GOOS=wasip1 with native Go.",
        plot: "CPU time, the first of a row / the second: more is better",
    },
    Family {
        name: "p2",
        title: "Components",
        about: "Components of WASI 0.2 against the same source built natively, and against the same component on wasmtime's own sockets. A \
                ratio is the other's CPU time divided by ours.",
        plot: "CPU time, the other / guestnet: more is better",
    },
    Family {
        name: "emscripten",
        title: "Emscripten",
        about: "C built with emcc and the npm package on Node 26, Deno and Bun, against native C, the same work on node:net and node:dgram, and \
                Emscripten's own NODERAWSOCKETS. A ratio is the other's CPU time divided by ours on Node.",
        plot: "CPU time, the other / guestnet on Node: more is better",
    },
    Family {
        name: "quickjs",
        title: "Scripts",
        about: "Scripts in guestnet against the same work on Node, Deno and Bun with their own sockets. A ratio is the other's CPU time divided \
                by ours.",
        plot: "CPU time, the other / guestnet: more is better",
    },
    Family {
        name: "web",
        title: "Isolated Web Apps",
        about: "Programs in a headless Chromium against plain JavaScript on Direct Sockets. A ratio is plain JavaScript's time, or the CPU time of \
                all of the browser's processes, divided by ours.",
        plot: "Plain JavaScript on Direct Sockets / guestnet: more is better",
    },
    Family {
        name: "policy",
        title: "The policy and names",
        about: "What the policy and the cache of names cost, call by call, without a sandbox: CPU time of the thread that calls.",
        plot: "",
    },
    Family {
        name: "apps",
        title: "Applications",
        about: "Whole programs under load, natively and as guests in turn. A ratio is the native program's CPU time a request divided by the \
                guest's. Server and clients have a processor each.",
        plot: "CPU time a request, natively / as a guest: more is better",
    },
    Family {
        name: "containers",
        title: "Containers",
        about: "Programs in containers under containerd, as guests by the shim and natively by runc. Memory is the proportional set size.",
        plot: "",
    },
    Family {
        name: "soak",
        title: "Scale",
        about: "`cargo xtask soak scale`: 1,000 guests in one process, and for the time of a run 10,000 connections of one guest, of which 1 % \
                are active, beside connections that come and go through a module and a component. At the end nothing may be left: \
                descriptors, threads, sockets, and memory beyond what the first tenth of the run had. Samples of memory are the ten parts \
                of a run.",
        plot: "",
    },
];
