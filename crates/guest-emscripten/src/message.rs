//! sendmsg(2) and recvmsg(2): `struct msghdr` and control data.

use std::time::Duration;

use guestnet_core::{Control, Domain, Errno, Fd, Host, Message, Result, SockAddr};

use crate::memory::{Memory, Vectors};
use crate::{Args, Process, abi, address, convert};

/// `struct cmsghdr`: length, level, type. Items begin at multiples of 4.
const HEADER: u32 = 12;

/// The most control data of one message: what the kernel takes by default (`net.core.optmem_max`).
const MAX_CONTROL: u32 = 20_480;

/// `struct msghdr` of a 32-bit C library.
#[derive(Debug)]
struct Msghdr {
    at: u32,
    name: u32,
    name_len: u32,
    iov: u32,
    iov_len: u32,
    control: u32,
    control_len: u32,
}

impl Msghdr {
    fn load(memory: Memory<'_>, at: u32) -> Result<Self> {
        let bytes = memory.read::<28>(at)?;
        let [name, name_len, iov, iov_len, control, control_len, _flags] = *bytes.as_chunks::<4>().0 else {
            return Err(Errno::Fault);
        };
        let value = u32::from_le_bytes;
        Ok(Msghdr {
            at,
            name: value(name),
            name_len: value(name_len),
            iov: value(iov),
            iov_len: value(iov_len),
            control: value(control),
            control_len: if value(control) == 0 {
                0
            } else {
                value(control_len)
            },
        })
    }

    fn vectors<'a>(&self, memory: Memory<'a>) -> Result<Vectors<'a>> {
        memory.vectors(self.iov, self.iov_len, Errno::Msgsize)
    }

    /// Stores what recvmsg(2) gives back beside the data.
    fn store(&self, memory: Memory<'_>, from: &SockAddr, control_len: u32, flags: i32) -> Result<()> {
        let field = |offset: u32| self.at.checked_add(offset).ok_or(Errno::Fault);
        if self.name != 0 {
            let room = usize::try_from(self.name_len.cast_signed()).map_err(|_| Errno::Inval)?;
            let bytes = address::sender(from);
            memory.write(self.name, bytes.get(..room).unwrap_or(&bytes))?;
            memory.set_u32(field(4)?, u32::try_from(bytes.len()).unwrap_or(0))?;
        }
        memory.set_u32(field(20)?, control_len)?;
        memory.set_u32(field(24)?, flags.cast_unsigned())
    }
}

/// sendmsg(fd, message, flags)
pub(crate) fn sendmsg<H: Host>(process: &mut Process<H>, memory: Memory<'_>, args: &Args) -> Result<i32> {
    let fd = args.fd(0);
    process.guest.entry(fd)?.socket()?;
    let header = Msghdr::load(memory, args.pointer(1))?;
    let mut bufs = header.vectors(memory)?;
    let addr = match header.name {
        0 => None,
        at => Some(address::load(memory, at, header.name_len)?),
    };
    let flags = convert::send_flags(args.int(2));
    let control = load_control(memory, header.control, header.control_len)?;
    let sent = match (&addr, control.is_empty()) {
        (None, true) => process.guest.send(fd, bufs.sources(), flags),
        (Some(addr), true) => process.guest.send_to(fd, bufs.sources(), addr, flags),
        (addr, false) => process
            .guest
            .send_message(fd, bufs.sources(), addr.as_ref(), &control, flags),
    }?;
    i32::try_from(sent).map_err(|_| Errno::Overflow)
}

/// recvmsg(fd, message, flags). Descriptors that came are fresh: their numbers are found at `fds`, up to `count` of
/// them, each as (number, where in memory it stands), for the caller to place.
pub(crate) fn recvmsg<H: Host>(process: &mut Process<H>, memory: Memory<'_>, args: &Args) -> Result<i32> {
    let fd = args.fd(0);
    // Descriptors may come where there is no room for them, and that is to be told.
    let rights_may_come = process.guest.entry(fd)?.socket()?.domain() == Domain::Unix;
    let header = Msghdr::load(memory, args.pointer(1))?;
    let mut bufs = header.vectors(memory)?;
    let flags = convert::recv_flags(args.int(2))?;
    // Nobody has placed these: the call that brought them failed.
    for (fresh, _) in std::mem::take(&mut process.arrived) {
        process.guest.close(fresh)?;
    }
    let message = if header.control_len == 0 && !rights_may_come {
        let (received, from) = process.guest.recv_from(fd, bufs.targets(), flags)?;
        Message {
            received,
            from,
            control: Vec::new(),
            control_truncated: false,
            urgent: false,
        }
    } else {
        let rights = header.control_len.saturating_sub(HEADER) / 4;
        process
            .guest
            .recv_message(fd, bufs.targets(), rights as usize, flags)?
    };
    let (control_len, lost) = store_control(process, memory, &header, &message.control)?;
    let mut out = 0;
    for (on, flag) in [
        (message.received.truncated, abi::MSG_TRUNC),
        (message.control_truncated || lost, abi::MSG_CTRUNC),
        (message.urgent, abi::MSG_OOB),
    ] {
        if on {
            out |= flag;
        }
    }
    header.store(memory, &message.from, control_len, out)?;
    i32::try_from(message.received.len).map_err(|_| Errno::Overflow)
}

fn load_control(memory: Memory<'_>, at: u32, len: u32) -> Result<Vec<Control<Fd>>> {
    if len > MAX_CONTROL {
        return Err(Errno::Nobufs);
    }
    let bytes = memory.read_bytes(at, len)?;
    let mut rest = bytes.as_slice();
    let mut control = Vec::new();
    while let Some((header, _)) = rest.split_first_chunk::<12>() {
        let [size, level, name] = *header.as_chunks::<4>().0 else {
            return Err(Errno::Inval);
        };
        let size = u32::from_le_bytes(size) as usize;
        let data = rest.get(HEADER as usize..size).ok_or(Errno::Inval)?;
        control.push(decode(i32::from_le_bytes(level), i32::from_le_bytes(name), data)?);
        rest = rest.get(size.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(control)
}

fn decode(level: i32, name: i32, data: &[u8]) -> Result<Control<Fd>> {
    let int = || {
        data.first_chunk()
            .map(|bytes| i32::from_le_bytes(*bytes))
            .ok_or(Errno::Inval)
    };
    Ok(match (level, name) {
        (abi::SOL_SOCKET, abi::SCM_RIGHTS) => Control::Rights(
            data.as_chunks()
                .0
                .iter()
                .map(|fd| Fd::from_le_bytes(*fd))
                .collect(),
        ),
        (abi::IPPROTO_IP, abi::IP_PKTINFO) => {
            let [index, local, destination] = *data.as_chunks::<4>().0 else {
                return Err(Errno::Inval);
            };
            Control::PacketInfo4 {
                interface: u32::from_le_bytes(index),
                local: local.into(),
                destination: destination.into(),
            }
        }
        (abi::IPPROTO_IPV6, abi::IPV6_PKTINFO) => {
            let (local, index) = data.split_first_chunk::<16>().ok_or(Errno::Inval)?;
            Control::PacketInfo6 {
                local: (*local).into(),
                interface: u32::from_le_bytes(*index.first_chunk().ok_or(Errno::Inval)?),
            }
        }
        (abi::IPPROTO_IP, abi::IP_TTL) => Control::Ttl(int()?),
        (abi::IPPROTO_IP, abi::IP_TOS) => Control::Tos(*data.first().ok_or(Errno::Inval)?),
        (abi::IPPROTO_IPV6, abi::IPV6_HOPLIMIT) => Control::HopLimit(int()?),
        (abi::IPPROTO_IPV6, abi::IPV6_TCLASS) => Control::TrafficClass(int()?),
        _ => return Err(Errno::Inval),
    })
}

/// Stores as many items as there is room for; returns how much was stored, and whether something was lost.
fn store_control<H: Host>(
    process: &mut Process<H>,
    memory: Memory<'_>,
    header: &Msghdr,
    control: &[Control<Fd>],
) -> Result<(u32, bool)> {
    let mut stored: u32 = 0;
    let mut lost = false;
    for item in control {
        let (level, name, data) = encode(item);
        let size = HEADER + u32::try_from(data.len()).map_err(|_| Errno::Overflow)?;
        if header.control_len - stored < size {
            lost = true;
            if let Control::Rights(fds) = item {
                for fd in fds {
                    process.guest.close(*fd)?;
                }
            }
            continue;
        }
        let at = header.control.checked_add(stored).ok_or(Errno::Fault)?;
        let mut bytes = size.to_le_bytes().to_vec();
        bytes.extend(level.to_le_bytes());
        bytes.extend(name.to_le_bytes());
        bytes.extend(&data);
        memory.write(at, &bytes)?;
        if let Control::Rights(fds) = item {
            let places = (at + HEADER..).step_by(4);
            process.arrived.extend(fds.iter().copied().zip(places));
        }
        stored = (stored + size.next_multiple_of(4)).min(header.control_len);
    }
    Ok((stored, lost))
}

/// Takes one descriptor that the last recvmsg brought: stores (fd, place in memory) at `at`. 1, or 0 for no more.
pub(crate) fn take_arrived<H: Host>(
    process: &mut Process<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let Some((fd, place)) = process.arrived.pop() else {
        return Ok(0);
    };
    let at = args.pointer(0);
    memory.set_u32(at, fd)?;
    memory.set_u32(at.checked_add(4).ok_or(Errno::Fault)?, place)?;
    Ok(1)
}

fn encode(item: &Control<Fd>) -> (i32, i32, Vec<u8>) {
    let time = |time: &Duration, fraction: u32| {
        [
            time.as_secs().to_le_bytes(),
            u64::from(time.subsec_nanos() / fraction).to_le_bytes(),
        ]
        .concat()
    };
    let int = |value: i32| value.to_le_bytes().to_vec();
    match item {
        Control::Rights(fds) => (
            abi::SOL_SOCKET,
            abi::SCM_RIGHTS,
            fds.iter().flat_map(|fd| fd.to_le_bytes()).collect(),
        ),
        Control::PacketInfo4 {
            interface,
            local,
            destination,
        } => (
            abi::IPPROTO_IP,
            abi::IP_PKTINFO,
            [interface.to_le_bytes(), local.octets(), destination.octets()].concat(),
        ),
        Control::PacketInfo6 { local, interface } => {
            let mut data = local.octets().to_vec();
            data.extend(interface.to_le_bytes());
            (abi::IPPROTO_IPV6, abi::IPV6_PKTINFO, data)
        }
        Control::Ttl(value) => (abi::IPPROTO_IP, abi::IP_TTL, int(*value)),
        Control::Tos(value) => (abi::IPPROTO_IP, abi::IP_TOS, vec![*value]),
        Control::HopLimit(value) => (abi::IPPROTO_IPV6, abi::IPV6_HOPLIMIT, int(*value)),
        Control::TrafficClass(value) => (abi::IPPROTO_IPV6, abi::IPV6_TCLASS, int(*value)),
        Control::Timestamp(at) => (abi::SOL_SOCKET, abi::SO_TIMESTAMP, time(at, 1000)),
        Control::TimestampNs(at) => (abi::SOL_SOCKET, abi::SO_TIMESTAMPNS, time(at, 1)),
        Control::Dropped(count) => (abi::SOL_SOCKET, abi::SO_RXQ_OVFL, count.to_le_bytes().to_vec()),
    }
}
