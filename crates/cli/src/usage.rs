//! The help texts.

/// What help is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Main,
    Run,
    Inspect,
    Explain,
}

impl Topic {
    /// The command that prints it.
    pub(crate) fn help_command(self) -> &'static str {
        match self {
            Topic::Main => "guestnet help",
            Topic::Run => "guestnet help run",
            Topic::Inspect => "guestnet help inspect",
            Topic::Explain => "guestnet help policy",
        }
    }
}

/// The text, with its last line's end.
pub(crate) fn text(topic: Topic) -> String {
    match topic {
        Topic::Main => MAIN.to_owned(),
        Topic::Run => format!("{RUN}{POLICY}{TARGET}{REST}"),
        Topic::Inspect => INSPECT.to_owned(),
        Topic::Explain => format!("{EXPLAIN}{POLICY}{TARGET}"),
    }
}

const MAIN: &str = "\
guestnet: real POSIX sockets for sandboxed programs, under your policy

  guestnet run [OPTIONS] GUEST [ARGS]...    run a program
  guestnet repl [OPTIONS]                   JavaScript, line by line; the options of run
  guestnet inspect GUEST                    its imports, and which ABI answers each
  guestnet policy explain [POLICY OPTIONS] USE TARGET
                                            what a policy decides, and by which rule
  guestnet help [run|inspect|policy]        more about a command
  guestnet --version

A guest is WebAssembly, .wasm or .wat: a module for WASI preview 1 with or without
sockets, or a component for WASI 0.2; or a script for QuickJS, .js or .mjs. It may use no
network until an option allows it:

  guestnet run --allow-connect db:5432 --allow-listen 127.0.0.1:8080 server.wasm
";

const RUN: &str = "\
guestnet run [OPTIONS] GUEST [ARGS]...

Runs a guest. What stands behind GUEST is the guest's own, options too; one of those below is
an error there, unless `--` stands before it: guestnet run -- GUEST --policy FILE
The exit code is the guest's; 1: it could not be run, 2: wrong usage, 124: --timeout
is over, 134: the guest trapped, 130 and 143: SIGINT and SIGTERM.

";

const POLICY: &str = "\
What it may do on the network; without any of these, nothing:
  --allow-net                 everything that no deny rule covers
  --allow-connect T           reach T: TCP and UDP connect, and every datagram's target
  --deny-connect T            never reach T, whatever else is allowed
  --allow-listen T            bind to and listen on T, TCP and UDP
  --deny-listen T
  --allow-accept T            be reached by T (default: by everybody who can)
  --deny-accept T
  --allow-resolve NAME        look NAME up; what it may connect to by name, it may look up
  --deny-resolve NAME
  --allow-unix PATH           use this UNIX socket, or with PATH/* those below, as the guest sees it
  --policy FILE.toml          the same rules from a file
  --max-sockets N             open sockets and ends of pipes at a time (default 8192)
  --max-descriptors N         open descriptors of every kind (default 8192, or half of what guestnet may have)
  --max-buffers SIZE          bytes that the kernel holds in buffers (default 128MiB, or --max-memory if less)
  --max-pending N             connections that wait for one accept (default 4096)
  --max-rate SIZE             bytes a second, sent and received together
  --max-bytes SIZE            bytes in all, sent and received together
  --max-lookups N             look-ups a second that go to a server (default 100)
  --max-log SIZE              bytes of the trace and of the audit; beyond, only what is new (default 64MiB)
  Each may be given several times. Deny beats allow; the order means nothing.

";

const TARGET: &str = "  T is [tcp://|udp://]HOST[:PORTS]
    HOST    a name, *.NAME, an IP address, [IPv6], a range as 10.0.0.0/8, or *
    PORTS   80, 8000-8999, 80,443 or * (default: all)

";

const REST: &str = "\
What it is given:
  --dir HOST[::GUEST]         a directory, under the name GUEST (default: the same name)
  --env NAME=VALUE            an environment variable
  --env NAME                  the same, with the value that it has here
  --dns SERVER[,SERVER]       DNS servers to ask, each with :PORT if it is not 53
                              (default: system, what other programs here use)
  --hosts FILE                names and addresses (default: /etc/hosts)
  --listen tcp://ADDR:PORT    an open listener, as descriptor 3 and up (LISTEN_FDS); not for components

How far it may go:
  --timeout TIME              stop it after 500ms, 30s, 2m or 1h
  --max-memory SIZE           256MiB, 1GiB (default 4GiB)
  --compile-timeout TIME      give its compilation up after this time (default 10m)
  --max-compile-memory SIZE   memory to compile it with (default 4GiB)
  --no-confine                do without Landlock and seccomp, which confine guestnet itself

  --audit TO                  one JSON line a decision of the policy, into a file or to
                              a collector at unix:PATH or tcp://ADDR:PORT
  --metrics TO                counters in Prometheus' format: a file that is replaced every
                              5 seconds, or answers at unix:PATH or tcp://ADDR:PORT
  --trace[=FILE]              one line a socket call, on standard error or in FILE
";

const INSPECT: &str = "\
guestnet inspect GUEST

Prints every import of a guest, its type, and the ABI of guestnet that answers it; of a
component the interfaces that it imports.
The exit code is 0 if guestnet can run the guest and 1 if it cannot.
";

const EXPLAIN: &str = "\
guestnet policy explain [POLICY OPTIONS] USE TARGET

Prints what a policy decides. The first word is `allowed` or `denied`; then comes the
rule that decides, or the option that would allow it. The exit code is 0 for allowed
and 1 for denied.

  USE     connect, listen, accept, resolve or unix
  TARGET  one address or name with a port, for resolve a name, for unix a path

  guestnet policy explain --policy app.toml connect db:5432

";
