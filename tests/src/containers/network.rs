//! A network of its own, as a pod has one: a network namespace with a loopback, on which containers and tests meet.

use super::Containerd;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::os::fd::AsFd;
use std::thread;

/// A network namespace with a name. Dropping it removes it.
#[derive(Debug)]
pub struct Network<'a> {
    containerd: &'a Containerd,
    name: String,
}

impl<'a> Network<'a> {
    /// Makes one, with loopback up and each of `addresses` on it.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    #[must_use]
    pub fn new(containerd: &'a Containerd, addresses: &[&str]) -> Self {
        let name = containerd.unique("network");
        let network = Self { containerd, name };
        network.ip(&["netns", "add", &network.name]);
        network.ip(&["-netns", &network.name, "link", "set", "lo", "up"]);
        for address in addresses {
            network.ip(&["-netns", &network.name, "address", "add", address, "dev", "lo"]);
        }
        network
    }

    /// Its file, within containerd's file systems.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/run/netns/{}", self.name)
    }

    /// Does something in it. Sockets that are made there stay there.
    ///
    /// # Panics
    ///
    /// When it cannot be entered, or `what` panics.
    pub fn within<T: Send>(&self, what: impl FnOnce() -> T + Send) -> T {
        let file = File::open(self.containerd.path(&self.path())).expect("the network namespace");
        thread::scope(|scope| {
            let there = scope.spawn(|| {
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                    .expect("enter the network namespace");
                what()
            });
            there
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    #[track_caller]
    fn ip(&self, words: &[&str]) {
        let _ = self.containerd.program("ip").args(words).finish().success();
    }
}

impl Drop for Network<'_> {
    fn drop(&mut self) {
        let removed = self
            .containerd
            .program("ip")
            .args(["netns", "delete", &self.name])
            .finish();
        if !thread::panicking() {
            let _ = removed.success();
        }
    }
}
