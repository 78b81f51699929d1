//! sendmsg(2) and recvmsg(2).

use guestnet_core::{Domain, Errno, Fd, Host, Message, Result};

use crate::args::Args;
use crate::context::ThreadContext;
use crate::control::{Arrival, Msghdr, load_control};
use crate::memory::Memory;
use crate::{address, convert};

/// sendmsg(fd, message, flags)
pub(crate) fn sendmsg<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let fd = &context.guest.look_up_socket(args.fd(0))?;
    let header = Msghdr::load(memory, args.pointer(1))?;
    let mut bufs = header.vectors(memory)?;
    let addr = match header.name {
        0 => None,
        at => Some(address::load(memory, at, header.name_len)?),
    };
    let flags = convert::send_flags(args.int(2));
    let control = load_control(memory, header.control, header.control_len)?;
    let sent = match (&addr, control.is_empty()) {
        (None, true) => context.guest.send(fd, bufs.sources(), flags),
        (Some(addr), true) => context.guest.send_to(fd, bufs.sources(), addr, flags),
        (addr, false) => context
            .guest
            .send_message(fd, bufs.sources(), addr.as_ref(), &control, flags),
    }?;
    i32::try_from(sent).map_err(|_| Errno::EOVERFLOW)
}

/// recvmsg(fd, message, flags). Descriptors that came are fresh; [`arrived`] gives them numbers before the program sees them.
pub(crate) fn recvmsg<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let fd = &context.guest.look_up_socket(args.fd(0))?;
    // Descriptors may come where there is no room for them, which `MSG_CTRUNC` reports.
    let rights_may_come = fd.open_file().socket()?.domain() == Domain::Unix;
    let header = Msghdr::load(memory, args.pointer(1))?;
    let mut bufs = header.vectors(memory)?;
    let flags = convert::recv_flags(args.int(2))?;
    context.close_arrivals();
    let message = if header.control_len == 0 && !rights_may_come {
        let (received, from) = context.guest.recv_from(fd, bufs.targets(), flags)?;
        Message {
            received,
            from,
            control: Vec::new(),
            control_truncated: false,
            urgent: false,
        }
    } else {
        let rights = header.rights();
        context.guest.recv_message(fd, bufs.targets(), rights, flags)?
    };
    bufs.commit(message.received.len);
    let received = i32::try_from(message.received.len).map_err(|_| Errno::EOVERFLOW)?;
    context.take_in(memory, Arrival::new(memory, header, message))?;
    Ok(received)
}

/// arrived(number): the next descriptor that the last recvmsg or recvmmsg brought, to be given a number of the file system,
/// which the next call names; -1 when all have numbers and the program's memory has them. A negative number says that there is
/// none to be had: as Linux does, those that follow in the same message are lost too, and `MSG_CTRUNC` says so.
pub(crate) fn arrived<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    const DONE: i32 = -1;
    while let Some(mut arrival) = context.arrivals.pop_front() {
        if let Some(next) = arrival.next(Fd::try_from(args.int(0)).ok()) {
            context.arrivals.push_front(arrival);
            return i32::try_from(next).map_err(|_| Errno::EMFILE);
        }
        // It was stored before, without the numbers: the same places can be written to, and those of the numbers were looked at.
        let stored = arrival.store(memory);
        arrival.close(&mut context.guest);
        stored?;
    }
    Ok(DONE)
}
