//! `os.getsockopt` and `os.setsockopt`, both as `(fd, name, buffer)` and as `(fd, level, name, buffer)`.

use guestnet_core::{Errno, Host, MAX_OPTION_BYTES, OpenFile, OptKind, Result, SockOpt};
use rquickjs::Value;

use crate::abi;
use crate::argument::number;
use crate::buffer::Buffer;
use crate::convert;
use crate::native::{Call, Member};
use crate::state::StateRef;

/// The most bytes that a value has that is set (`struct group_source_req`, 264): longer ones are cut, as no option looks at them.
const MAX_VALUE: usize = 512;

pub(crate) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    let mut members = vec![
        Member::Function("getsockopt", 4, getsockopt),
        Member::Function("setsockopt", 4, setsockopt),
    ];
    members.extend(
        abi::CONSTANTS
            .iter()
            .map(|(name, value)| Member::Int(name, *value)),
    );
    members.extend(
        SockOpt::ALL
            .iter()
            .map(|option| Member::Int(option.name(), abi::option(*option).1)),
    );
    members
}

/// The arguments of both calls.
struct Arguments<'js> {
    fd: i32,
    level: i32,
    name: i32,
    value: Value<'js>,
}

fn arguments<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> rquickjs::Result<Arguments<'js>> {
    let fd = call.int(0, "the descriptor")?;
    if Buffer::is(&call.arg(2)) {
        return Ok(Arguments {
            fd,
            level: abi::SOL_SOCKET,
            name: call.int(1, "the option's name")?,
            value: call.arg(2),
        });
    }
    Ok(Arguments {
        fd,
        level: call.int(1, "the option's level")?,
        name: call.int(2, "the option's name")?,
        value: call.arg(3),
    })
}

/// 0 or a negative errno. The buffer gets the value, as much of it as it has room for.
fn getsockopt<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> rquickjs::Result<Value<'js>> {
    let Arguments {
        fd,
        level,
        name,
        value,
    } = arguments(call)?;
    let buffer = Buffer::new(call.ctx(), value)?;
    let state = call.state();
    call.status(read(state, fd, level, name).and_then(|bytes| {
        buffer.write(call.ctx(), &state.getters, 0, bytes.len(), |room| {
            let bytes = bytes.get(..room.len()).unwrap_or(&bytes);
            room.copy_from_slice(bytes);
            Ok((bytes.len(), ()))
        })
    }))
}

fn read<H: Host + 'static>(state: &StateRef<H>, fd: i32, level: i32, name: i32) -> Result<Vec<u8>> {
    let fd = &state.look_up(fd)?;
    let mut guest = state.guest.borrow_mut();
    if (level, name) == (abi::SOL_SOCKET, abi::SO_PROTOCOL)
        && let OpenFile::Socket(socket) = fd.open_file()
    {
        let protocol = convert::protocol(socket.domain(), socket.kind());
        return Ok(protocol.to_ne_bytes().to_vec());
    }
    match abi::option_of(level, name) {
        Some(option) if option.kind() == OptKind::Bytes => {
            let mut bytes = vec![0; MAX_OPTION_BYTES];
            let len = guest.option_bytes(fd, option, &mut bytes)?;
            bytes.truncate(len);
            Ok(bytes)
        }
        Some(option) => guest.option(fd, option).map(convert::option_bytes),
        None => unknown(fd.open_file()),
    }
}

/// The error of an unknown option: that of the descriptor comes first.
fn unknown<Io, F, T>(file: &OpenFile<Io, F>) -> Result<T> {
    match file {
        OpenFile::Socket(_) => Err(Errno::ENOPROTOOPT),
        OpenFile::Stream(_) | OpenFile::File(_) => Err(Errno::ENOTSOCK),
    }
}

/// 0 or a negative errno. In the place of the buffer a number or a boolean is an `int`.
fn setsockopt<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> rquickjs::Result<Value<'js>> {
    // A number as the third and last argument is the value, and the second the name.
    let plain = call.arg(3).is_undefined() && int_value(&call.arg(2)).is_some();
    let Arguments {
        fd,
        level,
        name,
        value,
    } = if plain {
        Arguments {
            fd: call.int(0, "the descriptor")?,
            level: abi::SOL_SOCKET,
            name: call.int(1, "the option's name")?,
            value: call.arg(2),
        }
    } else {
        arguments(call)?
    };
    let state = call.state();
    let bytes = match int_value(&value) {
        Some(int) => Ok(int.to_ne_bytes().to_vec()),
        None => {
            let buffer = Buffer::new(call.ctx(), value)?;
            buffer.read(call.ctx(), &state.getters, 0, MAX_VALUE, |bytes| {
                Ok(bytes.to_vec())
            })
        }
    };
    call.status(bytes.and_then(|bytes| {
        let fd = &state.look_up(fd)?;
        let mut guest = state.guest.borrow_mut();
        let Some(option) = abi::option_of(level, name) else {
            return unknown(fd.open_file());
        };
        // ENOTSOCK comes before the error of a wrong value.
        if !matches!(fd.open_file(), OpenFile::Socket(_)) {
            return Err(Errno::ENOTSOCK);
        }
        let value = convert::option_value(option, level, &bytes)?;
        guest.set_option(fd, option, value)
    }))
}

/// The value of an `int` option that is given without a buffer.
fn int_value(value: &Value<'_>) -> Option<i32> {
    if let Some(on) = value.as_bool() {
        return Some(i32::from(on));
    }
    if !value.is_number() {
        return None;
    }
    let number = number(value).filter(|number| number.fract() == 0.0)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates, and the kernel judges the value"
    )]
    let int = number as i32;
    Some(int)
}
