//! sendmmsg(2) and recvmmsg(2): an array of `struct mmsghdr`.
//!
//! The array is read before anything is sent or received, up to the first message that is wrong, and the call is made with those
//! before it. So a wrong pointer costs no datagram.

use guestnet_core::{
    Control, Errno, Fd, Host, IncomingMessage, MAX_BATCH, OutgoingMessage, Result, SockAddr,
};

use crate::args::Args;
use crate::context::ThreadContext;
use crate::control::{Arrival, MAX_CONTROL, Msghdr, load_control};
use crate::memory::{MAX_VECTORS, Memory, Vectors};
use crate::{abi, address, convert, event};

/// The most buffers of one call, of all its messages together: 256 KiB of the host's memory. What has more is the next call's.
const MAX_BATCH_VECTORS: u32 = 16 * MAX_VECTORS;

/// The most control data of one call, of all its messages together.
const MAX_BATCH_CONTROL: u32 = 16 * MAX_CONTROL;

/// One message of the array.
#[derive(Debug)]
struct Entry<'a> {
    header: Msghdr,
    vectors: Vectors<'a>,
    to: Option<SockAddr>,
    control: Vec<Control<Fd>>,
}

/// The messages up to the first that is wrong.
///
/// # Errors
/// What is wrong with the first.
fn load<'a>(
    memory: Memory<'a>,
    args: &Args,
    entry: impl Fn(Memory<'a>, u32) -> Result<Entry<'a>>,
) -> Result<Vec<Entry<'a>>> {
    let count = (args.pointer(2) as usize).min(MAX_BATCH);
    let mut entries = Vec::with_capacity(count);
    let (mut vectors, mut control) = (MAX_BATCH_VECTORS, MAX_BATCH_CONTROL);
    for index in 0..u32::try_from(count).unwrap_or(0) {
        let next = place(args, index).and_then(|at| {
            // The last of its fields, too, can be written.
            memory.check(at, abi::MMSGHDR_SIZE)?;
            entry(memory, at)
        });
        let next = match next {
            Ok(next) => next,
            Err(errno) if entries.is_empty() => return Err(errno),
            Err(_) => break,
        };
        // One message never has as much.
        let left = vectors
            .checked_sub(next.header.iov_len())
            .zip(control.checked_sub(next.header.control_len.min(MAX_CONTROL)));
        let Some(left) = left else { break };
        (vectors, control) = left;
        entries.push(next);
    }
    Ok(entries)
}

/// Where a message of the array stands.
fn place(args: &Args, index: u32) -> Result<u32> {
    args.pointer(1)
        .checked_add(index * abi::MMSGHDR_SIZE)
        .ok_or(Errno::EFAULT)
}

/// Stores `msg_len`.
fn store_len(memory: Memory<'_>, args: &Args, index: usize, len: usize) -> Result<()> {
    let index = u32::try_from(index).map_err(|_| Errno::EFAULT)?;
    let at = place(args, index)?
        .checked_add(abi::MMSGHDR_LEN)
        .ok_or(Errno::EFAULT)?;
    memory.set_u32(at, u32::try_from(len).map_err(|_| Errno::EOVERFLOW)?)
}

fn outgoing(memory: Memory<'_>, at: u32) -> Result<Entry<'_>> {
    let header = Msghdr::load(memory, at)?;
    let vectors = header.vectors(memory)?;
    let to = match header.name {
        0 => None,
        at => Some(address::load(memory, at, header.name_len)?),
    };
    let control = load_control(memory, header.control, header.control_len)?;
    Ok(Entry {
        header,
        vectors,
        to,
        control,
    })
}

fn incoming(memory: Memory<'_>, at: u32) -> Result<Entry<'_>> {
    let header = Msghdr::load(memory, at)?;
    header.check_room(memory)?;
    let vectors = header.vectors(memory)?;
    Ok(Entry {
        header,
        vectors,
        to: None,
        control: Vec::new(),
    })
}

/// sendmmsg(fd, messages, count, flags)
pub(crate) fn sendmmsg<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let fd = &context.guest.look_up_socket(args.fd(0))?;
    let flags = convert::send_flags(args.int(3));
    let mut entries = load(memory, args, outgoing)?;
    let mut messages: Vec<_> = entries
        .iter_mut()
        .map(|entry| OutgoingMessage {
            bufs: entry.vectors.sources(),
            to: entry.to.take(),
            control: std::mem::take(&mut entry.control),
            sent: 0,
        })
        .collect();
    let sent = context.guest.send_batch(fd, &mut messages, flags)?;
    for (index, message) in messages.iter().take(sent).enumerate() {
        store_len(memory, args, index, message.sent)?;
    }
    i32::try_from(sent).map_err(|_| Errno::EOVERFLOW)
}

/// recvmmsg(fd, messages, count, flags, timeout). As after recvmsg, [`arrived`](crate::message::arrived) gives numbers to the
/// descriptors that came.
pub(crate) fn recvmmsg<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let timeout = match args.pointer(4) {
        0 => None,
        at => Some(event::load_time(memory, at)?),
    };
    let fd = &context.guest.look_up_socket(args.fd(0))?;
    let flags = convert::recv_flags(args.int(3))?;
    let wait_for_one = args.int(3) & abi::MSG_WAITFORONE != 0;
    let mut entries = load(memory, args, incoming)?;
    context.close_arrivals();
    let mut messages: Vec<_> = entries
        .iter_mut()
        .map(|entry| IncomingMessage {
            bufs: entry.vectors.targets(),
            wants_control: entry.header.control_len > 0,
            rights: entry.header.rights(),
            message: None,
        })
        .collect();
    let (count, left) = context
        .guest
        .recv_batch(fd, &mut messages, flags, wait_for_one, timeout)?;
    let received: Vec<_> = messages
        .into_iter()
        .take(count)
        .filter_map(|message| message.message)
        .collect();
    for (index, (entry, message)) in entries.into_iter().zip(received).enumerate() {
        entry.vectors.commit(message.received.len);
        store_len(memory, args, index, message.received.len)?;
        context.take_in(memory, Arrival::new(memory, entry.header, message))?;
    }
    if let Some(left) = left.filter(|_| count > 0) {
        event::store_time(memory, args.pointer(4), left)?;
    }
    i32::try_from(count).map_err(|_| Errno::EOVERFLOW)
}
