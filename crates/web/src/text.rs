//! Texts that cross: bytes in this module's memory, one in each direction at a time.

use std::cell::RefCell;

thread_local! {
    /// What JavaScript has written for the next export.
    static INCOMING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// What the last export has to say.
    static OUTGOING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Room for a text of JavaScript's.
pub(crate) fn room(len: usize) -> *mut u8 {
    INCOMING.with_borrow_mut(|text| {
        text.clear();
        text.resize(len, 0);
        text.as_mut_ptr()
    })
}

/// What JavaScript has written.
pub(crate) fn take() -> Vec<u8> {
    INCOMING.take()
}

/// Keeps what there is to say. Its length.
pub(crate) fn say(text: impl Into<Vec<u8>>) -> usize {
    let text = text.into();
    let len = text.len();
    OUTGOING.set(text);
    len
}

/// Where it is.
pub(crate) fn said() -> *const u8 {
    OUTGOING.with_borrow(Vec::as_ptr)
}
