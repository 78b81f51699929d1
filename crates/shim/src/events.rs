//! [`Events`]: sends containerd the events of containers, in order, by a thread of its own.

use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
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

/// How long the end of the shim waits for the last event.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where events go to.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    queue: Sender<Item>,
    namespace: String,
}

#[derive(Debug)]
enum Item {
    Event(Box<Envelope>),
    /// All before it have been sent.
    Mark(SyncSender<()>),
}

impl Events {
    /// Events of a namespace of containerd's; `address` is the socket that it takes events at.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn new(address: String, namespace: String) -> std::io::Result<Events> {
        let (queue, items) = channel();
        thread::Builder::new()
            .name("events".to_owned())
            .spawn(move || forward(&address, &items))?;
        Ok(Events { queue, namespace })
    }

    /// Sends an event, without waiting.
    pub(crate) fn send(&self, topic: &str, event: &impl MessageFull) {
        let Ok(event) = any(event) else { return };
        let mut envelope = Envelope::new();
        envelope.timestamp = MessageField::some(now());
        envelope.namespace.clone_from(&self.namespace);
        topic.clone_into(&mut envelope.topic);
        envelope.event = MessageField::some(event);
        // The thread ends with the process.
        let _ = self.queue.send(Item::Event(Box::new(envelope)));
    }

    /// Waits until every event is sent, but not long: containerd may have gone.
    pub(crate) fn flush(&self) {
        let (mark, done) = sync_channel(1);
        if self.queue.send(Item::Mark(mark)).is_ok() {
            let _ = done.recv_timeout(PATIENCE);
        }
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

fn forward(address: &str, items: &Receiver<Item>) {
    while let Ok(first) = items.recv() {
        // A connection that is kept costs wake-ups, so it is closed when nothing is left to be sent.
        let mut client = None;
        for item in std::iter::once(first).chain(items.try_iter()) {
            match item {
                Item::Event(envelope) => send(&mut client, address, envelope),
                Item::Mark(mark) => {
                    let _ = mark.send(());
                }
            }
        }
    }
}

fn send(client: &mut Option<EventsClient>, address: &str, envelope: Box<Envelope>) {
    let mut request = ForwardRequest::new();
    request.envelope = MessageField(Some(envelope));
    for attempt in 1..=TRIES {
        if client.is_none() {
            *client = connect(address);
        }
        let limit = with_duration(Duration::from_secs(5));
        if client
            .as_ref()
            .is_some_and(|client| client.forward(limit, &request).is_ok())
        {
            return;
        }
        *client = None;
        if attempt < TRIES {
            thread::sleep(Duration::from_secs(1));
        }
    }
}

fn connect(address: &str) -> Option<EventsClient> {
    let path = address.strip_prefix("unix://").unwrap_or(address);
    let socket = UnixStream::connect(path).ok()?;
    Client::new(socket.into_raw_fd()).ok().map(EventsClient::new)
}
