//! `struct msghdr` and control data of sendmsg(2) and recvmsg(2). Not here: the calls.

use std::collections::VecDeque;
use std::time::Duration;

use guestnet_core::{Control, Errno, Fd, Host, Message, Result, SharedGuestThread, SockAddr};

use crate::memory::{Memory, Vectors};
use crate::{abi, address};

/// `struct cmsghdr`: length, level, type. Items begin at multiples of 4.
const HEADER: u32 = 12;

/// The most control data of one message: what the kernel takes by default (`net.core.optmem_max`).
pub(crate) const MAX_CONTROL: u32 = 20_480;

/// `struct msghdr` of a 32-bit C library.
#[derive(Debug)]
pub(crate) struct Msghdr {
    at: u32,
    pub(crate) name: u32,
    pub(crate) name_len: u32,
    pub(crate) iov: u32,
    iov_len: u32,
    pub(crate) control: u32,
    pub(crate) control_len: u32,
}

impl Msghdr {
    pub(crate) fn load(memory: Memory<'_>, at: u32) -> Result<Self> {
        let bytes = memory.read::<28>(at)?;
        let [name, name_len, iov, iov_len, control, control_len, _flags] = *bytes.as_chunks::<4>().0 else {
            return Err(Errno::EFAULT);
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

    /// How many buffers it has.
    pub(crate) fn iov_len(&self) -> u32 {
        self.iov_len
    }

    /// For how many descriptors there is room.
    pub(crate) fn rights(&self) -> usize {
        (self.control_len.saturating_sub(HEADER) / 4) as usize
    }

    /// Whether everything can be stored that a message has beside its data: looked at before any message of a batch is received.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL`: the room for the name is negative.
    pub(crate) fn check_room(&self, memory: Memory<'_>) -> Result<()> {
        if self.name != 0 {
            u32::try_from(self.name_len.cast_signed()).map_err(|_| Errno::EINVAL)?;
            memory.check(self.name, self.name_len.min(address::LONGEST))?;
        }
        memory.check(self.control, self.control_len.min(MAX_CONTROL))?;
        Ok(())
    }

    pub(crate) fn vectors<'a>(&self, memory: Memory<'a>) -> Result<Vectors<'a>> {
        memory.vectors(self.iov, self.iov_len, Errno::EMSGSIZE)
    }

    /// Stores what recvmsg(2) gives back besides the data.
    fn store(&self, memory: Memory<'_>, from: &SockAddr, control_len: u32, flags: i32) -> Result<()> {
        let field = |offset: u32| self.at.checked_add(offset).ok_or(Errno::EFAULT);
        if self.name != 0 {
            let room = usize::try_from(self.name_len.cast_signed()).map_err(|_| Errno::EINVAL)?;
            let bytes = address::sender(from);
            memory.write(self.name, bytes.get(..room).unwrap_or(&bytes))?;
            memory.set_u32(field(4)?, u32::try_from(bytes.len()).unwrap_or(0))?;
        }
        memory.set_u32(field(20)?, control_len)?;
        memory.set_u32(field(24)?, flags.cast_unsigned())
    }
}

/// A message, until the descriptors that it brought have numbers of the file system.
#[derive(Debug)]
pub(crate) struct Arrival {
    header: Msghdr,
    /// Its descriptors are those that have a number.
    message: Message<Fd>,
    /// Those that have none yet, in order.
    waiting: VecDeque<Fd>,
    /// For which there is no room.
    beyond: Vec<Fd>,
    /// The first of those that wait is being given a number.
    asked: bool,
}

impl Arrival {
    pub(crate) fn new(memory: Memory<'_>, header: Msghdr, mut message: Message<Fd>) -> Self {
        let mut waiting = VecDeque::new();
        let mut beyond = Vec::new();
        let mut used = 0;
        for item in &mut message.control {
            if let Control::Rights(fds) = item {
                // As many as fit are given, and not none because all do not.
                let room = header.control_len.saturating_sub(used + HEADER) / 4;
                let mut fds = std::mem::take(fds);
                beyond.extend(fds.drain((room as usize).min(fds.len())..));
                // Nor is one given a number that cannot be written there.
                let len = HEADER + u32::try_from(fds.len() * 4).unwrap_or(u32::MAX - HEADER);
                let at = header.control.checked_add(used);
                if at.is_none_or(|at| memory.check(at, len).is_err()) {
                    beyond.append(&mut fds);
                }
                used += HEADER + u32::try_from(fds.len() * 4).unwrap_or(u32::MAX - HEADER - used);
                waiting.extend(fds);
            } else {
                used = used.saturating_add(item_size(item).next_multiple_of(4));
            }
        }
        message.control_truncated |= !beyond.is_empty();
        Arrival {
            header,
            message,
            waiting,
            beyond,
            asked: false,
        }
    }

    /// Stores what recvmsg(2) gives back besides the data.
    pub(crate) fn store(&self, memory: Memory<'_>) -> Result<()> {
        let Message {
            received,
            from,
            control,
            control_truncated,
            urgent,
        } = &self.message;
        let (control_len, lost) = store_control(memory, &self.header, control)?;
        let mut out = 0;
        for (on, flag) in [
            (received.truncated, abi::MSG_TRUNC),
            (*control_truncated || lost, abi::MSG_CTRUNC),
            (*urgent, abi::MSG_OOB),
        ] {
            if on {
                out |= flag;
            }
        }
        self.header.store(memory, from, control_len, out)
    }

    /// Whether no descriptor waits for a number.
    pub(crate) fn is_complete(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The next descriptor to be given a number; `None` if none waits. `number` is the one that the descriptor of the call
    /// before was given, `None` if there was none to be had: then those that follow are lost too.
    pub(crate) fn next(&mut self, number: Option<Fd>) -> Option<Fd> {
        if std::mem::replace(&mut self.asked, true) {
            match number {
                Some(number) => self.place(number),
                None => {
                    // The caller has closed the one that it could not place.
                    self.waiting.pop_front();
                    self.beyond.extend(self.waiting.drain(..));
                    self.message.control_truncated = true;
                }
            }
        }
        self.waiting.front().copied()
    }

    /// The first descriptor of those that wait has this number now.
    fn place(&mut self, number: Fd) {
        self.waiting.pop_front();
        let rights = self.message.control.iter_mut().find_map(|item| match item {
            Control::Rights(fds) => Some(fds),
            _ => None,
        });
        if let Some(fds) = rights {
            fds.push(number);
        }
    }

    /// Closes what has no number.
    pub(crate) fn close<H: Host>(self, guest: &mut SharedGuestThread<H, ()>) {
        for fd in self.waiting.into_iter().chain(self.beyond) {
            // Another thread may have closed it meanwhile.
            let _ = guest.close(fd);
        }
    }
}

pub(crate) fn load_control(memory: Memory<'_>, at: u32, len: u32) -> Result<Vec<Control<Fd>>> {
    if len > MAX_CONTROL {
        return Err(Errno::ENOBUFS);
    }
    let bytes = memory.read_bytes(at, len)?;
    let mut rest = bytes.as_slice();
    let mut control = Vec::new();
    while let Some((header, _)) = rest.split_first_chunk::<12>() {
        let [size, level, name] = *header.as_chunks::<4>().0 else {
            return Err(Errno::EINVAL);
        };
        let size = u32::from_le_bytes(size) as usize;
        let data = rest.get(HEADER as usize..size).ok_or(Errno::EINVAL)?;
        control.push(decode(i32::from_le_bytes(level), i32::from_le_bytes(name), data)?);
        rest = rest.get(size.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(control)
}

fn decode(level: i32, name: i32, data: &[u8]) -> Result<Control<Fd>> {
    let int = || {
        data.first_chunk()
            .map(|bytes| i32::from_le_bytes(*bytes))
            .ok_or(Errno::EINVAL)
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
                return Err(Errno::EINVAL);
            };
            Control::PacketInfo4 {
                interface: u32::from_le_bytes(index),
                local: local.into(),
                destination: destination.into(),
            }
        }
        (abi::IPPROTO_IPV6, abi::IPV6_PKTINFO) => {
            let (local, index) = data.split_first_chunk::<16>().ok_or(Errno::EINVAL)?;
            Control::PacketInfo6 {
                local: (*local).into(),
                interface: u32::from_le_bytes(*index.first_chunk().ok_or(Errno::EINVAL)?),
            }
        }
        (abi::IPPROTO_IP, abi::IP_TTL) => Control::Ttl(int()?),
        (abi::IPPROTO_IP, abi::IP_TOS) => Control::Tos(*data.first().ok_or(Errno::EINVAL)?),
        (abi::IPPROTO_IPV6, abi::IPV6_HOPLIMIT) => Control::HopLimit(int()?),
        (abi::IPPROTO_IPV6, abi::IPV6_TCLASS) => Control::TrafficClass(int()?),
        // A uint16_t here, and an int where it is received.
        (abi::IPPROTO_UDP, abi::UDP_SEGMENT) => match *data {
            [low, high] => Control::SegmentSize(u16::from_le_bytes([low, high])),
            _ => return Err(Errno::EINVAL),
        },
        _ => return Err(Errno::EINVAL),
    })
}

/// Stores as many items as there is room for; returns how much was stored, and whether something was lost.
fn store_control(memory: Memory<'_>, header: &Msghdr, control: &[Control<Fd>]) -> Result<(u32, bool)> {
    let mut stored: u32 = 0;
    let mut lost = false;
    for item in control {
        if matches!(item, Control::Rights(fds) if fds.is_empty()) {
            continue;
        }
        let (level, name, data) = encode(item);
        let size = item_size(item);
        if header.control_len - stored < size {
            lost = true;
            continue;
        }
        let at = header.control.checked_add(stored).ok_or(Errno::EFAULT)?;
        let mut bytes = size.to_le_bytes().to_vec();
        bytes.extend(level.to_le_bytes());
        bytes.extend(name.to_le_bytes());
        bytes.extend(&data);
        memory.write(at, &bytes)?;
        stored = (stored + size.next_multiple_of(4)).min(header.control_len);
    }
    Ok((stored, lost))
}

/// With its header, without what follows for the next one to stand at a multiple of 4.
fn item_size(item: &Control<Fd>) -> u32 {
    // At most 253 descriptors.
    HEADER + u32::try_from(encode(item).2.len()).unwrap_or(u32::MAX - HEADER)
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
        Control::SegmentSize(size) => (abi::IPPROTO_UDP, abi::UDP_GRO, int(i32::from(*size))),
    }
}
