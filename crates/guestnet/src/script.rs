//! Scripts on QuickJS: [`Options::script`].

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use guestnet_core::Guest;
use guestnet_host_os::OsHost;
use guestnet_quickjs::{End as ScriptEnd, Script, ScriptBuilder, SessionHandle, ThreadHost};

use crate::end::End;
use crate::error::Error;
use crate::handle::GuestHandle;
use crate::options::{Directory, Options, SignalOffer};
use crate::setup::{GuestSetup, give_streams};

/// A script that can be moved to the thread on which it will run, where [`ScriptBuilder::build`] starts its engine.
#[derive(Debug)]
pub struct ScriptParts {
    /// Has everything that the options give, and takes what only scripts have: the directory that they import from
    /// ([`ScriptBuilder::scripts`]), and modules of the embedder's.
    pub builder: ScriptBuilder<OsHost>,
    /// For other threads.
    pub handle: GuestHandle,
    /// Where the listeners of [`Options::listen`] are.
    pub listening: Vec<SocketAddr>,
}

impl ScriptParts {
    /// Makes it a script that lines are typed into while its event loop turns ([`Script::run_until`]), and gives other
    /// threads a handle on it, which wakes the loop and interrupts what the script does.
    pub fn session(&mut self) -> SessionHandle {
        let handle = self.handle.clone();
        self.builder.session(move || handle.wake())
    }
}

/// A script that is ready to run. It stays on its thread.
pub struct ScriptGuest {
    script: Script<OsHost>,
    handle: GuestHandle,
    listening: Vec<SocketAddr>,
}

impl fmt::Debug for ScriptGuest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptGuest")
            .field("listening", &self.listening)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Makes a script, to run on this thread.
    ///
    /// # Errors
    /// [`Error`].
    pub fn script(&mut self) -> Result<ScriptGuest, Error> {
        let ScriptParts {
            builder,
            handle,
            listening,
        } = self.script_parts()?;
        Ok(ScriptGuest {
            script: builder.build().map_err(Error::Script)?,
            handle,
            listening,
        })
    }

    /// Makes the parts of a script, which may go to another thread.
    ///
    /// # Errors
    /// [`Error`].
    pub fn script_parts(&mut self) -> Result<ScriptParts, Error> {
        let GuestSetup {
            mut host,
            policy,
            capacity,
            attachments,
            streams,
            listeners,
            listening,
        } = GuestSetup::new(self)?;
        let options = std::mem::take(self);
        let stopper = host.stopper();
        let signals = match options.signals {
            None => None,
            Some(SignalOffer { stream, ask }) => {
                Some((host.adopt_stream(stream).map_err(Error::Signals)?, ask))
            }
        };
        // What workers' hosts are made from: they share directories, resolver and stub.
        let spare = Mutex::new(host.sibling().map_err(Error::Host)?);
        let mut guest = Guest::new(policy, capacity, 0).thread(host);
        attachments.attach(&mut guest);
        let (names, metrics) = (Arc::clone(guest.names()), guest.metrics());

        let mut builder = ScriptBuilder::new(guest);
        for arg in options.args {
            builder.arg(arg);
        }
        for (name, value) in options.env {
            builder.env(name, value);
        }
        give_streams(
            &mut builder,
            streams,
            [ScriptBuilder::stdin, ScriptBuilder::stdout, ScriptBuilder::stderr],
        );
        for io in listeners {
            builder.listener(io);
        }
        for Directory { host, guest } in options.directories {
            builder
                .directory(&host, &guest)
                .map_err(|source| Error::Directory {
                    path: host,
                    source: source.into(),
                })?;
        }
        if let Some(bytes) = options.max_memory {
            builder.memory(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        builder.workers(move || {
            let host = spare.lock().unwrap_or_else(PoisonError::into_inner).sibling()?;
            let stopper = host.stopper();
            Ok(ThreadHost {
                host,
                stop: Box::new(move || {
                    // A worker that cannot be woken ends with the process.
                    let _ = stopper.stop();
                }),
            })
        });
        if let Some((stream, ask)) = signals {
            builder.signals(stream, ask);
        }
        let handle = GuestHandle::new(stopper, &names, metrics, builder.stop_flag());
        Ok(ScriptParts {
            builder,
            handle,
            listening,
        })
    }
}

impl ScriptGuest {
    /// Runs a module to its end, under a name that its errors and imports show.
    ///
    /// An error that nothing catches is printed on the script's standard error, and is an exit with 1.
    pub fn run(&mut self, name: &str, source: impl AsRef<[u8]>) -> End {
        self.script.run(name, source.as_ref()).into()
    }

    /// The engine with the script, for more than to run one module.
    pub fn script_mut(&mut self) -> &mut Script<OsHost> {
        &mut self.script
    }

    /// What other threads can do to it.
    #[must_use]
    pub fn handle(&self) -> GuestHandle {
        self.handle.clone()
    }

    /// Where the listeners of [`Options::listen`] are.
    #[must_use]
    pub fn listening(&self) -> &[SocketAddr] {
        &self.listening
    }
}

impl From<ScriptEnd> for End {
    fn from(end: ScriptEnd) -> Self {
        match end {
            ScriptEnd::Exit(code) => End::Exit(code),
            ScriptEnd::Stop => End::Stop,
        }
    }
}
