//! [`Events`]: what containerd is told of, in order, by a thread of its own.

use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use containerd_shim_protos::protobuf::well_known_types::any::Any;
use containerd_shim_protos::protobuf::{MessageField, MessageFull};
use containerd_shim_protos::shim::event::Envelope;
use containerd_shim_protos::shim::events::ForwardRequest;
use containerd_shim_protos::ttrpc::context::with_duration;
use containerd_shim_protos::{Client, EventsClient};

use crate::clock::now;

/// How often a containerd that does not answer is tried again, a second apart: it may be restarting.
const TRIES: u32 = 5;

/// Where events go to.
#[derive(Clone, Debug)]
pub(crate) struct Events(Sender<Envelope>, String);

impl Events {
    /// Events of a namespace of containerd's; `address` is the socket that it takes events at.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn new(address: String, namespace: String) -> std::io::Result<Events> {
        let (sender, receiver) = channel();
        thread::Builder::new()
            .name("events".to_owned())
            .spawn(move || forward(&address, &receiver))?;
        Ok(Events(sender, namespace))
    }

    /// Sends an event, without waiting.
    pub(crate) fn send(&self, topic: &str, event: &impl MessageFull) {
        let Ok(event) = any(event) else { return };
        let mut envelope = Envelope::new();
        envelope.timestamp = MessageField::some(now());
        envelope.namespace.clone_from(&self.1);
        topic.clone_into(&mut envelope.topic);
        envelope.event = MessageField::some(event);
        // The thread ends with the process.
        let _ = self.0.send(envelope);
    }
}

/// A message with its type, as containerd writes it.
///
/// # Errors
/// It cannot be written.
pub(crate) fn any<M: MessageFull>(message: &M) -> containerd_shim_protos::protobuf::Result<Any> {
    let mut any = Any::new();
    any.type_url = M::descriptor().full_name().to_owned();
    any.value = message.write_to_bytes()?;
    Ok(any)
}

fn forward(address: &str, envelopes: &Receiver<Envelope>) {
    let mut client = None;
    for envelope in envelopes {
        let mut request = ForwardRequest::new();
        request.envelope = MessageField::some(envelope);
        for attempt in 0..TRIES {
            if client.is_none() {
                client = connect(address);
            }
            let limit = with_duration(Duration::from_secs(5));
            if client
                .as_ref()
                .is_some_and(|client| client.forward(limit, &request).is_ok())
            {
                break;
            }
            client = None;
            // The first failure is that of a connection to a containerd that has been restarted since.
            if attempt > 0 {
                thread::sleep(Duration::from_secs(1));
            }
        }
    }
}

fn connect(address: &str) -> Option<EventsClient> {
    let path = address.strip_prefix("unix://").unwrap_or(address);
    let socket = UnixStream::connect(path).ok()?;
    Client::new(socket.into_raw_fd()).ok().map(EventsClient::new)
}
