//! The cache of one guest: answers and failures for as long as their servers said. Holds no clock.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::question::{LookupError, Question, Records};

/// The most entries of one guest: a guest decides what it asks for. 1024 names of 64 addresses are about 1.5 MiB.
pub const MAX_CACHED: usize = 1024;

/// The longest that an answer is kept, whatever its server says: servers move.
pub(super) const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The longest that a failure is kept (RFC 2308 advises one to three hours; a program that waits for a name to
/// appear should not wait that long).
pub(super) const LONGEST_NEGATIVE: Duration = Duration::from_secs(300);

/// What was answered.
pub(super) type CachedResult = Result<Arc<Records>, LookupError>;

#[derive(Debug, Default)]
pub(super) struct Cache {
    entries: HashMap<Question, OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    outcome: CachedResult,
    expires: Duration,
}

impl Cache {
    /// What is known at `now`, and until when.
    pub(super) fn at(&self, question: &Question, now: Duration) -> Option<(&CachedResult, Duration)> {
        let entry = self.entries.get(question)?;
        (entry.expires > now).then_some((&entry.outcome, entry.expires))
    }

    /// Keeps an answer. Above [`MAX_CACHED`] expired entries go first, then those that expire soonest.
    pub(super) fn insert(
        &mut self,
        question: Question,
        outcome: CachedResult,
        expires: Duration,
        now: Duration,
    ) {
        if expires <= now {
            return;
        }
        if self.entries.len() >= MAX_CACHED && !self.entries.contains_key(&question) {
            self.make_room(now);
        }
        self.entries.insert(question, OpenFile { outcome, expires });
    }

    /// Drops an eighth at least, so that the search is paid once in many insertions.
    fn make_room(&mut self, now: Duration) {
        let mut times: Vec<Duration> = self.entries.values().map(|entry| entry.expires).collect();
        let (_, &mut limit, _) = times.select_nth_unstable(MAX_CACHED / 8);
        self.entries.retain(|_, entry| entry.expires > limit.max(now));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Name;

    const SECOND: Duration = Duration::from_secs(1);

    fn question(number: usize) -> Question {
        Question::Addresses {
            name: Name::parse(&format!("n{number}.example")).unwrap(),
            family: None,
        }
    }

    #[test]
    fn an_entry_lives_until_its_time_and_not_at_it() {
        let mut cache = Cache::default();
        cache.insert(question(1), Err(LookupError::NoName), SECOND, Duration::ZERO);
        assert!(cache.at(&question(1), Duration::from_millis(999)).is_some());
        assert!(cache.at(&question(1), SECOND).is_none());
        assert!(cache.at(&question(2), Duration::ZERO).is_none());
    }

    #[test]
    fn it_never_grows_beyond_its_cap_and_keeps_what_lives_longest() {
        let mut cache = Cache::default();
        for number in 0..MAX_CACHED * 3 {
            let expires = SECOND * u32::try_from(number + 1).unwrap();
            cache.insert(
                question(number),
                Err(LookupError::NoName),
                expires,
                Duration::ZERO,
            );
            assert!(cache.len() <= MAX_CACHED);
        }
        assert!(cache.at(&question(0), Duration::ZERO).is_none());
        assert!(cache.at(&question(MAX_CACHED * 3 - 1), Duration::ZERO).is_some());
    }
}
