//! Control data (cmsg(3)): between the core's items and the kernel's bytes.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use guestnet_core::{Control, Errno, Identity, Result};

use crate::Io;
use crate::convert::errno;
use crate::sys::message::Item;

/// Appends one item in the kernel's layout: a length, level and type, the data, and padding to a whole word.
fn push(bytes: &mut Vec<u8>, level: i32, name: i32, data: &[u8]) {
    const WORD: usize = size_of::<usize>();
    let len = WORD + 8 + data.len();
    bytes.extend_from_slice(&len.to_ne_bytes());
    bytes.extend_from_slice(&level.to_ne_bytes());
    bytes.extend_from_slice(&name.to_ne_bytes());
    bytes.extend_from_slice(data);
    bytes.resize(bytes.len().next_multiple_of(WORD), 0);
}

/// What sendmsg(2) is given.
///
/// # Errors
/// `EINVAL`: an item that can only be received.
pub(crate) fn encode(control: &[Control<&Io>]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for item in control {
        match item {
            Control::Rights(files) => {
                let numbers: Vec<u8> = files.iter().flat_map(|io| io.raw().to_ne_bytes()).collect();
                push(&mut bytes, libc::SOL_SOCKET, libc::SCM_RIGHTS, &numbers);
            }
            Control::PacketInfo4 { interface, local, .. } => {
                let mut data = [0; 12];
                let (index, rest) = data.split_at_mut(4);
                index.copy_from_slice(&interface.to_ne_bytes());
                rest.split_at_mut(4).0.copy_from_slice(&local.octets());
                push(&mut bytes, libc::IPPROTO_IP, libc::IP_PKTINFO, &data);
            }
            Control::PacketInfo6 { local, interface } => {
                let mut data = local.octets().to_vec();
                data.extend_from_slice(&interface.to_ne_bytes());
                push(&mut bytes, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &data);
            }
            Control::Ttl(value) => push(&mut bytes, libc::IPPROTO_IP, libc::IP_TTL, &value.to_ne_bytes()),
            Control::Tos(value) => push(
                &mut bytes,
                libc::IPPROTO_IP,
                libc::IP_TOS,
                &i32::from(*value).to_ne_bytes(),
            ),
            Control::HopLimit(value) => push(
                &mut bytes,
                libc::IPPROTO_IPV6,
                libc::IPV6_HOPLIMIT,
                &value.to_ne_bytes(),
            ),
            Control::TrafficClass(value) => push(
                &mut bytes,
                libc::IPPROTO_IPV6,
                libc::IPV6_TCLASS,
                &value.to_ne_bytes(),
            ),
            Control::SegmentSize(size) => {
                push(&mut bytes, libc::SOL_UDP, libc::UDP_SEGMENT, &size.to_ne_bytes())
            }
            Control::Timestamp(_) | Control::TimestampNs(_) | Control::Dropped(_) => {
                return Err(Errno::EINVAL);
            }
        }
    }
    Ok(bytes)
}

/// What recvmsg(2) gave; `None` for an item that the core has no name for. Files are closed.
pub(crate) fn decode(item: Item) -> Option<Control<Identity>> {
    let (level, name, data) = match item {
        Item::Files(files) => {
            let identities = files.iter().filter_map(|file| identity(file.as_fd()).ok());
            return Some(Control::Rights(identities.collect()));
        }
        Item::Bytes { level, name, data } => (level, name, data),
    };
    Some(match (level, name) {
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            let [index, local, destination] = words(&data)?;
            Control::PacketInfo4 {
                interface: u32::from_ne_bytes(index),
                local: Ipv4Addr::from(local),
                destination: Ipv4Addr::from(destination),
            }
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            let (local, rest) = data.split_first_chunk::<16>()?;
            Control::PacketInfo6 {
                local: Ipv6Addr::from(*local),
                interface: u32::from_ne_bytes(*rest.first_chunk()?),
            }
        }
        (libc::IPPROTO_IP, libc::IP_TTL) => Control::Ttl(int(&data)?),
        (libc::IPPROTO_IP, libc::IP_TOS) => Control::Tos(*data.first()?),
        (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => Control::HopLimit(int(&data)?),
        (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => Control::TrafficClass(int(&data)?),
        (libc::SOL_SOCKET, libc::SCM_TIMESTAMP) => Control::Timestamp(time(&data, 1000)?),
        (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => Control::TimestampNs(time(&data, 1)?),
        (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => Control::Dropped(int(&data)?.cast_unsigned()),
        (libc::SOL_UDP, libc::UDP_GRO) => Control::SegmentSize(u16::try_from(int(&data)?).ok()?),
        _ => return None,
    })
}

/// An open file: device, number, and which end it is, because both ends of a pipe have one number.
///
/// # Errors
/// What fstat(2) says.
pub(crate) fn identity(fd: BorrowedFd<'_>) -> Result<Identity> {
    let stat = rustix::fs::fstat(fd).map_err(errno)?;
    let access = rustix::fs::fcntl_getfl(fd).map_err(errno)? & rustix::fs::OFlags::RWMODE;
    let device = u128::from(stat.st_dev) ^ (u128::from(access.bits()) << 60);
    Ok(Identity((device << 64) | u128::from(stat.st_ino)))
}

fn words<const N: usize>(data: &[u8]) -> Option<[[u8; 4]; N]> {
    data.as_chunks().0.get(..N)?.try_into().ok()
}

fn int(data: &[u8]) -> Option<i32> {
    data.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes))
}

/// Seconds and fractions, each fraction of so many nanoseconds.
fn time(data: &[u8], fraction: u32) -> Option<Duration> {
    let (seconds, rest) = data.split_first_chunk()?;
    let seconds = u64::try_from(i64::from_ne_bytes(*seconds)).ok()?;
    let fractions = u32::try_from(i64::from_ne_bytes(*rest.first_chunk()?)).ok()?;
    Some(Duration::new(seconds, fractions.checked_mul(fraction)?))
}
