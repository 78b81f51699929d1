//! The numbers that the JavaScript library and the calls share, by name. No C library knows them; the addon gives them to
//! the library, so that they stand here only.

use guestnet_core::Ready;

/// What poll returns, without waiting, when it meets a descriptor of the file system's.
pub const FOREIGN: i32 = i32::MIN;

/// What a descriptor is ready for: the bits of [`Ready`].
pub const READY: &[(&str, i32)] = &[
    ("READ", Ready::READ.bits() as i32),
    ("WRITE", Ready::WRITE.bits() as i32),
    ("ERROR", Ready::ERROR.bits() as i32),
    ("HANGUP", Ready::HANGUP.bits() as i32),
    ("ALWAYS", Ready::ALWAYS.bits() as i32),
];

/// What `state` returns: the bits of a socket, and where its pending error begins.
pub const STATE: &[(&str, i32)] = &[
    ("LISTENING", LISTENING),
    ("CONNECTED", CONNECTED),
    ("DATAGRAM", DATAGRAM),
    ("RECEIVE_SHUT", RECEIVE_SHUT),
    ("END_OF_FILE", END_OF_FILE),
    ("READABLE", READABLE),
    ("HUNG_UP", HUNG_UP),
    ("ERROR_SHIFT", ERROR_SHIFT),
];

/// It listens.
pub(crate) const LISTENING: i32 = 1;
/// It has a peer.
pub(crate) const CONNECTED: i32 = 1 << 1;
/// It is a datagram socket.
pub(crate) const DATAGRAM: i32 = 1 << 2;
/// It receives no more: shutdown(2) has ended that direction.
pub(crate) const RECEIVE_SHUT: i32 = 1 << 3;
/// A receive would return end of file.
pub(crate) const END_OF_FILE: i32 = 1 << 4;
/// A receive would return data.
pub(crate) const READABLE: i32 = 1 << 5;
/// It neither is connected nor connects, and does nothing by itself: poll(2) says `POLLHUP`.
pub(crate) const HUNG_UP: i32 = 1 << 6;
/// The pending error, an errno of the C library, stands above the bits.
pub(crate) const ERROR_SHIFT: i32 = 8;
