//! Containers: what is said about one before it starts, and what can be done with it then.

use super::{Containerd, Image, Network, eventually};
use crate::run::{Program, ProgramOutput, Running};
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;

/// Who runs a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// runc, which runs native programs: the oracle.
    Runc,
    /// Our shim.
    Guestnet,
}

impl Runtime {
    fn name(self) -> &'static str {
        match self {
            Self::Runc => "io.containerd.runc.v2",
            Self::Guestnet => "io.containerd.guestnet.v1",
        }
    }
}

/// Containers that belong together.
#[derive(Debug)]
pub struct Pod {
    id: String,
}

impl Pod {
    /// A new one.
    #[must_use]
    pub fn new(containerd: &Containerd) -> Self {
        Self {
            id: containerd.unique("pod"),
        }
    }

    /// The pod of a sandbox.
    #[must_use]
    pub fn of(sandbox: &Container<'_>) -> Self {
        Self {
            id: sandbox.id.clone(),
        }
    }

    /// What its shim is called by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// What a container is to be.
#[derive(Debug)]
pub struct Spec<'a> {
    containerd: &'a Containerd,
    image: String,
    id: String,
    options: Vec<String>,
    command: Vec<String>,
    stdin: Option<Stdio>,
}

impl<'a> Spec<'a> {
    /// A container of an image, with nothing said about it.
    #[must_use]
    pub fn new(containerd: &'a Containerd, runtime: Runtime, image: &Image) -> Self {
        let mut spec = Self::of(containerd, runtime, &image.name).option("--snapshotter", "native");
        spec.command.clone_from(&image.entry_point);
        spec
    }

    /// A container whose root is a directory within containerd's file systems, without an entry point.
    #[must_use]
    pub fn of_directory(containerd: &'a Containerd, runtime: Runtime, directory: &str) -> Self {
        Self::of(containerd, runtime, directory).flag("--rootfs")
    }

    fn of(containerd: &'a Containerd, runtime: Runtime, image: &str) -> Self {
        let spec = Self {
            containerd,
            image: image.to_owned(),
            id: containerd.unique("container"),
            options: Vec::new(),
            command: Vec::new(),
            stdin: None,
        };
        let spec = spec.option("--runtime", runtime.name());
        match runtime {
            // The first process of a PID namespace ignores what it does not handle, SIGTERM too.
            Runtime::Runc => spec.option("--with-ns", "pid:/proc/1/ns/pid"),
            Runtime::Guestnet => spec,
        }
    }

    /// One more option of `ctr run`.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.options.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// An option without a value.
    #[must_use]
    pub fn flag(mut self, name: &str) -> Self {
        self.options.push(name.to_owned());
        self
    }

    /// `dev.guestnet.NAME`.
    #[must_use]
    pub fn annotation(self, name: &str, value: &str) -> Self {
        self.option("--annotation", &format!("dev.guestnet.{name}={value}"))
    }

    /// In a network.
    #[must_use]
    pub fn network(self, network: &Network<'_>) -> Self {
        self.option("--with-ns", &format!("network:{}", network.path()))
    }

    /// What containerd will call it by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The first container of a pod, which holds it together: the pod is called as it is.
    #[must_use]
    pub fn sandbox(self) -> Self {
        let id = self.id.clone();
        self.option("--annotation", "io.kubernetes.cri.container-type=sandbox")
            .option("--annotation", &format!("io.kubernetes.cri.sandbox-id={id}"))
    }

    /// In a pod.
    #[must_use]
    pub fn pod(self, pod: &Pod) -> Self {
        self.option(
            "--annotation",
            &format!("io.kubernetes.cri.sandbox-id={}", pod.id),
        )
    }

    /// A directory or file within containerd's file systems, at a place in the container. `how` is `ro` or `rw`.
    #[must_use]
    pub fn bind(self, from: &str, to: &str, how: &str) -> Self {
        self.option(
            "--mount",
            &format!("type=bind,src={from},dst={to},options=rbind:{how}"),
        )
    }

    /// Arguments, behind those of the image.
    #[must_use]
    pub fn args<'b>(mut self, words: impl IntoIterator<Item = &'b str>) -> Self {
        self.command.extend(words.into_iter().map(str::to_owned));
        self
    }

    /// What it reads.
    #[must_use]
    pub fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.stdin = Some(stdin.into());
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    ///
    /// When it does not end in time, or leaves anything behind.
    #[must_use]
    pub fn finish(self) -> ProgramOutput {
        self.start().finish()
    }

    /// Starts it, with its standard streams here.
    #[must_use]
    pub fn start(mut self) -> Container<'a> {
        let stdin = self.stdin.take();
        let mut program = self.program(&["run"]);
        if let Some(stdin) = stdin {
            program = program.stdin(stdin);
        }
        let running = program.start();
        let mut container = self.container();
        container.running = Some(running);
        container
    }

    /// Starts it and leaves it, with its streams where an option says.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn detach(self) -> Container<'a> {
        let _ = self.program(&["run", "--detach"]).finish().success();
        self.container()
    }

    /// Another entry point than the image's, with its first arguments.
    #[must_use]
    pub fn entry_point(mut self, words: &[&str]) -> Self {
        self.command = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Runs it to its end at a terminal, and gives what that has shown.
    ///
    /// # Panics
    ///
    /// When it does not end in time, or leaves anything behind.
    #[must_use]
    pub fn at_a_terminal(self) -> ProgramOutput {
        let spec = self.flag("--tty");
        let quoted = |word: &String| format!("'{}'", word.replace('\'', r"'\''"));
        let words: Vec<String> = ["ctr", "--namespace", &spec.containerd.namespace, "run"]
            .map(str::to_owned)
            .iter()
            .chain(&spec.options)
            .chain([&spec.image, &spec.id])
            .chain(&spec.command)
            .map(quoted)
            .collect();
        let script = ["--quiet", "--return", "--command", &words.join(" "), "/dev/null"];
        // Without an end of its input: script would type it.
        let (input, held) = std::io::pipe().expect("a pipe");
        let running = spec
            .containerd
            .program("script")
            .args(script)
            .stdin(input)
            .start();
        let mut container = spec.container();
        container.running = Some(running);
        let output = container.finish();
        drop(held);
        output
    }

    fn program(&self, words: &[&str]) -> Program {
        self.containerd
            .ctr()
            .args(words)
            .args(&self.options)
            .args([&self.image, &self.id])
            .args(&self.command)
    }

    fn container(self) -> Container<'a> {
        Container {
            containerd: self.containerd,
            id: self.id,
            running: None,
            is_removed: false,
        }
    }
}

/// A container. Dropping it removes it, by force if need be.
#[derive(Debug)]
pub struct Container<'a> {
    containerd: &'a Containerd,
    id: String,
    /// The `ctr run` that has its streams.
    running: Option<Running>,
    is_removed: bool,
}

impl Container<'_> {
    /// What containerd calls it by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Waits for a line of its standard output that begins with `prefix`, and returns the rest of it.
    ///
    /// # Panics
    ///
    /// When it ends, or time does, without such a line.
    #[must_use]
    pub fn line(&mut self, prefix: &str) -> String {
        self.running.as_mut().expect("its streams are here").line(prefix)
    }

    /// `ctr task WORDS... ID`.
    #[must_use]
    pub fn task(&self, words: &[&str]) -> ProgramOutput {
        self.containerd
            .ctr()
            .arg("task")
            .args(words)
            .arg(&self.id)
            .finish()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// When that fails.
    pub fn kill(&self, signal: &str) {
        let _ = self.task(&["kill", "--signal", signal]).success();
    }

    /// Its process and its state, as containerd says them; `None` without a task.
    #[must_use]
    pub fn state(&self) -> Option<(u32, String)> {
        let list = self.containerd.ctr().args(["task", "list"]).finish().success();
        list.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            let is_this = words.next()? == self.id;
            let (pid, state) = (words.next()?.parse().ok()?, words.next()?.to_owned());
            is_this.then_some((pid, state))
        })
    }

    /// Waits until it is in a state: `RUNNING`, `STOPPED`.
    ///
    /// # Panics
    ///
    /// When it does not come to that in time.
    pub fn await_state(&self, state: &str) {
        let mut last = None;
        let came = eventually(|| {
            last = self.state();
            last.as_ref().is_some_and(|(_, now)| now == state)
        });
        assert!(
            came,
            "{} is {last:?} and not {state}\n{}",
            self.id,
            self.containerd.log()
        );
    }

    /// Waits for the end of a container whose streams are here, removes it, and sees that nothing of it remains.
    ///
    /// # Panics
    ///
    /// When it does not end in time, or anything remains.
    #[must_use]
    pub fn finish(mut self) -> ProgramOutput {
        let output = self.running.take().expect("its streams are here").finish();
        self.delete();
        output
    }

    /// Removes one that was left and has ended, and sees that nothing of it remains. Gives the exit code of its task.
    ///
    /// # Panics
    ///
    /// When it still runs, or anything remains.
    #[must_use]
    pub fn remove(mut self) -> Option<i32> {
        let task = self.task(&["delete"]);
        self.delete();
        // What is not 0 it only says.
        match task.stderr.split_once("exit with non-zero exit code ") {
            Some((_, code)) => code.split('"').next()?.trim().parse().ok(),
            None => task.status.success().then_some(0),
        }
    }

    /// The socket of its shim, as a file of the machine.
    ///
    /// # Panics
    ///
    /// When it has none.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        let namespace = &self.containerd.namespace;
        let bundle = format!(
            "/run/containerd/io.containerd.runtime.v2.task/{namespace}/{}",
            self.id
        );
        let address = fs::read_to_string(self.containerd.path(&format!("{bundle}/address")));
        let address = address.expect("the address of the shim");
        let path = address.trim().trim_start_matches("unix://").to_owned();
        self.containerd.path(&path)
    }

    /// Removes a container without a task.
    fn delete(&mut self) {
        let deleted = self.delete_container();
        if !deleted.status.success() {
            // A start that failed may have left none.
            let known = self.containerd.ctr().args(["containers", "list", "--quiet"]);
            let known = known.finish().success();
            assert!(!known.lines().any(|line| line == self.id), "{deleted}");
        }
        let mut traces = Vec::new();
        let gone = eventually(|| {
            traces = self.containerd.traces(&self.id);
            traces.is_empty()
        });
        assert!(
            gone,
            "of {} there is still\n{}\n{}",
            self.id,
            traces.join("\n"),
            self.containerd.log()
        );
        self.is_removed = true;
    }

    fn delete_container(&self) -> ProgramOutput {
        let delete = self.containerd.ctr().args(["containers", "delete"]);
        delete.arg(&self.id).finish()
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        if self.is_removed {
            return;
        }
        // Both may fail: it is not known how far it came.
        let _ = self.task(&["delete", "--force"]);
        let _ = self.delete_container();
        assert!(
            thread::panicking(),
            "the test has neither finished nor removed {}",
            self.id
        );
    }
}
