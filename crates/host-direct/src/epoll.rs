//! [`Epoll`]: epoll(7) over the objects of this host.

use std::collections::VecDeque;
use std::sync::Weak;

use guestnet_core::{EpollEvent, EpollInterest, EpollMode, EpollOp, Errno, Ready, Result};

/// What an epoll can watch.
pub(crate) trait Watched {
    /// What poll(2) would say.
    fn ready(&self) -> Ready;

    /// How often something arrived.
    fn arrivals(&self) -> u32;
}

/// The most descriptors that one epoll watches: those that a guest's table can have.
const MAX_WATCHES: usize = 8192;

/// What an epoll watches. A descriptor that is closed is taken out when the epoll is looked at.
#[derive(Debug)]
pub(crate) struct Epoll<T> {
    /// The next one to be looked at is the first, so that a busy descriptor does not hide the others.
    watches: VecDeque<Watch<T>>,
}

#[derive(Debug)]
struct Watch<T> {
    target: Weak<T>,
    interest: EpollInterest,
    /// `EPOLLONESHOT`, and it was reported.
    is_over: bool,
    /// What was reported last, and how often something had arrived until then.
    reported: Option<(Ready, u32)>,
}

impl<T> Default for Epoll<T> {
    fn default() -> Self {
        Epoll {
            watches: VecDeque::new(),
        }
    }
}

impl<T: Watched> Watch<T> {
    fn new(target: Weak<T>, interest: EpollInterest) -> Self {
        Watch {
            target,
            interest,
            is_over: false,
            reported: None,
        }
    }

    /// What there is to report: `None` if the descriptor is closed.
    fn look(&self) -> Option<(Ready, u32)> {
        let target = self.target.upgrade()?;
        let wanted = self.interest.ready | Ready::ALWAYS;
        let (ready, arrivals) = (target.ready() & wanted, target.arrivals());
        let news = match self.reported {
            Some((before, count)) if self.interest.mode.contains(EpollMode::EDGE) => {
                count != arrivals || !before.contains(ready)
            }
            _ => true,
        };
        Some((
            if news && !self.is_over {
                ready
            } else {
                Ready::empty()
            },
            arrivals,
        ))
    }
}

impl<T: Watched> Epoll<T> {
    /// epoll_ctl(2).
    pub(crate) fn control(&mut self, target: Weak<T>, op: EpollOp) -> Result<()> {
        self.watches.retain(|watch| watch.target.strong_count() > 0);
        let at = self.watches.iter().position(|watch| watch.target.ptr_eq(&target));
        match (op, at) {
            (EpollOp::Add(_), Some(_)) => return Err(Errno::EEXIST),
            (EpollOp::Add(_), None) if self.watches.len() >= MAX_WATCHES => return Err(Errno::ENOSPC),
            (EpollOp::Add(interest), None) => self.watches.push_back(Watch::new(target, interest)),
            (EpollOp::Modify(_) | EpollOp::Delete, None) => return Err(Errno::ENOENT),
            (EpollOp::Modify(interest), Some(at)) => {
                if let Some(watch) = self.watches.get_mut(at) {
                    *watch = Watch::new(target, interest);
                }
            }
            (EpollOp::Delete, Some(at)) => {
                self.watches.remove(at);
            }
        }
        Ok(())
    }

    /// epoll_wait(2) without waiting.
    pub(crate) fn take(&mut self, most: usize, events: &mut Vec<EpollEvent>) {
        let mut left = most;
        for _ in 0..self.watches.len() {
            if left == 0 {
                break;
            }
            let Some(mut watch) = self.watches.pop_front() else {
                break;
            };
            let Some((ready, arrivals)) = watch.look() else {
                continue;
            };
            if !ready.is_empty() {
                events.push(EpollEvent {
                    ready,
                    data: watch.interest.data,
                });
                left -= 1;
                watch.is_over = watch.interest.mode.contains(EpollMode::ONESHOT);
                watch.reported = Some((ready, arrivals));
            }
            self.watches.push_back(watch);
        }
    }

    /// What poll(2) would say of the epoll.
    pub(crate) fn ready(&self) -> Ready {
        let any = self
            .watches
            .iter()
            .filter_map(Watch::look)
            .any(|(ready, _)| !ready.is_empty());
        if any { Ready::READ } else { Ready::empty() }
    }
}
