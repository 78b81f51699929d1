//! getservbyname(3), getprotobyname(3) and their like, as parts of `names.c`: what the machine's files have.
//!
//! Each gives one entry, by a name, by a number, or, where there is neither, by its place in the file. It writes the number (32
//! bits), for a service the name of its protocol, then the entry's name, its aliases, and an empty text, each with a NUL. 1, or 0
//! if there is no such entry.

use guestnet_core::resolve::Service;
use guestnet_core::{Errno, Host, Result};

use crate::args::Args;
use crate::context::ThreadContext;
use crate::memory::Memory;
use crate::text;

/// No name of a service or of a protocol is longer.
const LONGEST_NAME: u32 = 256;

/// service(index, name, port, protocol, buffer, room): `port` is -1 for none, `protocol` 0 for any.
pub(crate) fn service<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let protocol = string(memory, args.pointer(3))?;
    let protocol = protocol.as_deref();
    let services = context.guest.services();
    let found = match (string(memory, args.pointer(1))?, args.int(2)) {
        (Some(name), _) => services.by_name(&name, protocol),
        (None, port) => match u16::try_from(port) {
            Ok(port) => services.by_port(port, protocol),
            Err(_) => services.get(index(args)),
        },
    };
    let Some(Service {
        name,
        aliases,
        port,
        protocol,
    }) = found
    else {
        return Ok(0);
    };
    let entry = Entry {
        number: *port,
        protocol: Some(protocol),
        name,
        aliases,
    };
    entry.store(memory, args.pointer(4), args.pointer(5))
}

/// protocol(index, name, number, buffer, room): `number` is -1 for none.
pub(crate) fn protocol<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let protocols = context.guest.protocols();
    let found = match (string(memory, args.pointer(1))?, args.int(2)) {
        (Some(name), _) => protocols.by_name(&name),
        (None, number) => match u16::try_from(number) {
            Ok(number) => protocols.by_number(number),
            Err(_) => protocols.get(index(args)),
        },
    };
    let Some(found) = found else { return Ok(0) };
    let entry = Entry {
        number: found.number,
        protocol: None,
        name: &found.name,
        aliases: &found.aliases,
    };
    entry.store(memory, args.pointer(3), args.pointer(4))
}

/// An entry of either file.
struct Entry<'e> {
    number: u16,
    protocol: Option<&'e str>,
    name: &'e str,
    aliases: &'e [Box<str>],
}

impl Entry<'_> {
    fn store(&self, memory: Memory<'_>, at: u32, room: u32) -> Result<i32> {
        let room = room as usize;
        let mut bytes = u32::from(self.number).to_le_bytes().to_vec();
        if let Some(protocol) = self.protocol {
            text::push(&mut bytes, protocol, room).ok_or(Errno::ERANGE)?;
        }
        let left = room.checked_sub(bytes.len()).ok_or(Errno::ERANGE)?;
        let names = text::list(self.name, Some(self.aliases), left).ok_or(Errno::ERANGE)?;
        bytes.extend(names);
        memory.write(at, &bytes)?;
        Ok(1)
    }
}

/// A place that no file has, for a negative one.
fn index(args: &Args) -> usize {
    usize::try_from(args.int(0)).unwrap_or(usize::MAX)
}

/// A text of the program's. One that is too long or no UTF-8 is the name of nothing.
fn string(memory: Memory<'_>, at: u32) -> Result<Option<String>> {
    match memory.string(at, LONGEST_NAME) {
        Err(Errno::ENAMETOOLONG) => Ok(Some(String::new())),
        Ok(text) => Ok(text.map(|text| String::from_utf8(text).unwrap_or_default())),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use guestnet_core::policy::Policy;
    use guestnet_core::{Capacity, Guest};
    use guestnet_host_os::OsHost;

    use super::*;
    use crate::RESERVED;

    #[test]
    fn entries_go_into_the_memory_and_no_further_whatever_the_program_says_of_their_room() {
        let guest = Guest::new(Arc::new(Policy::deny_all()), Capacity::default(), RESERVED);
        let mut context = ThreadContext::new(guest.thread(OsHost::new().unwrap()));
        let mut bytes = [0_u8; 64];
        bytes[..4].copy_from_slice(b"tcp\0");
        let memory = Memory::of(&mut bytes);
        let mut protocol = |name, number, at, room| {
            protocol(&mut context, memory, &Args([-1, name, number, at, room, 0, 0]))
        };
        // Every machine has it, and every host without a file too.
        assert_eq!(protocol(0, 6, 16, 48), Ok(1));
        assert_eq!(&memory.read::<8>(16).unwrap(), b"\x06\0\0\0tcp\0");
        assert_eq!(protocol(1, -1, 16, 48), Ok(0), "cp is none");
        assert_eq!(protocol(0, -1, 16, 48), Ok(0), "there is no place -1");
        assert_eq!(protocol(64, -1, 16, 48), Err(Errno::EFAULT));
        assert_eq!(protocol(0, 6, 16, 8), Err(Errno::ERANGE));
        assert_eq!(protocol(0, 6, 16, 0), Err(Errno::ERANGE));
        assert_eq!(protocol(0, 6, 60, -1), Err(Errno::EFAULT));
        assert_eq!(protocol(0, 6, -1, -1), Err(Errno::EFAULT));
        let args = Args([0, 1, -1, 64, 16, 48, 0]);
        assert_eq!(service(&mut context, memory, &args), Err(Errno::EFAULT));
    }
}
