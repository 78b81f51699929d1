//! [`StopTrap`], which both worlds end a stopped guest with.

/// The error of a call during which the guest was stopped from another thread. Found with `downcast_ref` in what the
/// call of the guest's function returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopTrap;

impl std::fmt::Display for StopTrap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the guest was stopped")
    }
}

impl std::error::Error for StopTrap {}
