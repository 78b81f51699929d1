//! [`ConsoleState`]: what `console` remembers between its calls.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use crate::budget::Charge;

/// What `console` remembers.
#[derive(Default)]
pub(crate) struct ConsoleState {
    /// How many groups are open.
    pub(super) groups: Cell<usize>,
    /// How often `count` was called, by label.
    pub(super) counts: RefCell<BTreeMap<String, (u64, Charge)>>,
    /// When `time` was called, by the monotonic clock, by label.
    pub(super) times: RefCell<BTreeMap<String, (Duration, Charge)>>,
}
