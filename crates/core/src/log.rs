//! [`Log`]: lines for a trace or an audit that a guest cannot flood.
//!
//! What a guest tries again and again is one line a second with a count, and a log that has reached its limit takes only
//! what has never been in it. The memory for both is bounded. Not here: what the lines say (`report.rs`), and what time
//! it is: the caller that writes a line passes the time.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::{self, Write as _};
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::io::Write;
use std::time::Duration;

/// Somewhere to write lines to. Each line comes in one `write_all`.
pub type Sink = Box<dyn Write + Send>;

/// For how long a line stands for those that are the same.
const SPAN: Duration = Duration::from_secs(1);

/// How many lines are counted at a time, and how long they are together. Another one ends the count of the oldest.
const MAX_COUNTED: usize = 1024;
const MAX_COUNTED_BYTES: usize = 1 << 20;

/// How many different occurrences are known apart. A log that has reached its limit ends with the next one.
pub const MAX_OCCURRENCES: usize = 16_384;

/// How many bytes a log may go beyond its limit for what is new. A guest chooses how long a path is.
const MAX_BEYOND: u64 = 16 << 20;

/// How a log writes what it has to say itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JSON object a line.
    Json,
    /// A line as strace(1) has it.
    Text,
}

/// A line that was written, and how often it has come again since.
struct RepeatedLine {
    body: String,
    again: u64,
    last: Duration,
}

/// What a log counts a line under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CountKey(u64);

/// How far a log has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The limit is reached: only what has never occurred is written.
    OnlyNew,
    /// Nothing is written any more.
    Closed,
}

/// Lines on their way to a sink.
pub(crate) struct Log {
    sink: Sink,
    form: Form,
    limit: u64,
    written: u64,
    state: State,
    /// Lines that were not written since the last time that this was said.
    left_out: u64,
    /// What has occurred. A guest cannot choose two that look the same: the hash has a key that it does not know.
    occurred: HashSet<u64, BuildHasherDefault<KeyHasher>>,
    counted: HashMap<u64, RepeatedLine, BuildHasherDefault<KeyHasher>>,
    /// The counted lines by the time of the first one.
    since: VecDeque<(Duration, u64)>,
    counted_bytes: usize,
    keys: RandomState,
    /// The line being made, kept for its memory.
    line: String,
}

/// Takes a key for its hash: keys are hashes with a secret key already.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Keys are whole numbers, so that nothing calls it.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("state", &self.state)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

impl Log {
    pub(crate) fn new(sink: Sink, form: Form, limit: u64) -> Log {
        Log {
            sink,
            form,
            limit,
            written: 0,
            state: State::Open,
            left_out: 0,
            occurred: HashSet::default(),
            counted: HashMap::default(),
            since: VecDeque::new(),
            counted_bytes: 0,
            keys: RandomState::new(),
            line: String::new(),
        }
    }

    /// Whether a line is worth making; if not, it counts as left out.
    pub(crate) fn wants_line(&mut self) -> bool {
        if self.state == State::Closed {
            self.left_out += 1;
        }
        self.state != State::Closed
    }

    /// Takes a line: of JSON the members behind the time. `occurrence` distinguishes it from earlier occurrences.
    /// With `counts`, the same line within a second is counted instead of written; returned is what it is counted under, if it is.
    pub(crate) fn take(
        &mut self,
        now: Duration,
        occurrence: impl Hash,
        body: &str,
        counts: bool,
    ) -> Option<CountKey> {
        self.end_counts(now);
        if !counts {
            self.put(now, &occurrence, body);
            return None;
        }
        let key = self.keys.hash_one((&occurrence, body));
        if self.count(now, key) {
            return Some(CountKey(key));
        }
        if !self.put(now, &occurrence, body) {
            return None;
        }
        self.counted_bytes += body.len();
        while self.counted.len() >= MAX_COUNTED || self.counted_bytes > MAX_COUNTED_BYTES {
            if !self.end_count() {
                break;
            }
        }
        if let Entry::Vacant(place) = self.counted.entry(key) {
            place.insert(RepeatedLine {
                body: body.to_owned(),
                again: 0,
                last: now,
            });
            self.since.push_back((now, key));
        }
        Some(CountKey(key))
    }

    /// Counts a line that is known to be the same as one before. `false`: that is not counted any more, and the line has to be
    /// made for [`Log::take`].
    pub(crate) fn again(&mut self, now: Duration, key: CountKey) -> bool {
        self.end_counts(now);
        self.count(now, key.0)
    }

    fn count(&mut self, now: Duration, key: u64) -> bool {
        let Some(counted) = self.counted.get_mut(&key) else {
            return false;
        };
        counted.again += 1;
        counted.last = now;
        true
    }

    /// Writes what is still counted, and how much was left out.
    pub(crate) fn flush(&mut self, now: Duration) {
        while self.end_count() {}
        let count = self.left_out;
        if count > 0 {
            let said = match self.form {
                Form::Json => self.say(now, &format!("\"log\":\"left out\",\"count\":{count}")),
                Form::Text => self.say(now, &format!("--- {count} lines were left out ---")),
            };
            if said {
                self.left_out = 0;
            }
        }
        let _ = self.sink.flush();
    }

    /// Ends the counts whose second is over. A clock that was set back ends them too.
    fn end_counts(&mut self, now: Duration) {
        while let Some((since, _)) = self.since.front()
            && now.checked_sub(*since).is_none_or(|age| age >= SPAN)
        {
            self.end_count();
        }
    }

    /// Ends the oldest count, if there is one.
    fn end_count(&mut self) -> bool {
        let Some((_, key)) = self.since.pop_front() else {
            return false;
        };
        let Some(RepeatedLine { body, again, last }) = self.counted.remove(&key) else {
            return true;
        };
        self.counted_bytes = self.counted_bytes.saturating_sub(body.len());
        match self.state {
            _ if again == 0 => {}
            State::Open => {
                if !self.write(last, &body, again) {
                    self.left_out += again;
                }
            }
            State::OnlyNew | State::Closed => self.left_out += again,
        }
        true
    }

    /// Writes a line if there is room, or if it is new. Returns whether there was.
    fn put(&mut self, now: Duration, occurrence: &impl Hash, body: &str) -> bool {
        if self.state == State::Open && self.written >= self.limit {
            self.state = State::OnlyNew;
            match self.form {
                Form::Json => self.say(now, "\"log\":\"limit\""),
                Form::Text => self.say(
                    now,
                    "--- the limit of this log is reached: from here on it has only what is new ---",
                ),
            };
        }
        let key = self.keys.hash_one(occurrence);
        let known = self.occurred.contains(&key);
        let room =
            self.occurred.len() < MAX_OCCURRENCES && self.written < self.limit.saturating_add(MAX_BEYOND);
        if !known && room {
            self.occurred.insert(key);
        }
        match self.state {
            State::Open => {}
            State::OnlyNew if !known && room => {}
            State::OnlyNew if !known => {
                self.state = State::Closed;
                match self.form {
                    Form::Json => self.say(now, "\"log\":\"closed\""),
                    Form::Text => self.say(now, "--- too much is new: this log ends here ---"),
                };
                self.left_out += 1;
                return false;
            }
            State::OnlyNew | State::Closed => {
                self.left_out += 1;
                return false;
            }
        }
        if !self.write(now, body, 1) {
            self.left_out += 1;
        }
        true
    }

    /// Writes a line of the log's own.
    fn say(&mut self, now: Duration, body: &str) -> bool {
        self.write(now, body, 1)
    }

    /// Writes one whole line in one write: a guest's own output does not get into it, and nothing is lost when the process
    /// ends. What cannot be written is dropped; returns whether it was written.
    fn write(&mut self, time: Duration, body: &str, count: u64) -> bool {
        let line = &mut self.line;
        line.clear();
        // Into a String.
        let _ = match (self.form, count) {
            (Form::Json, _) => write!(
                line,
                "{{\"time\":{}.{:06},{body}",
                time.as_secs(),
                time.subsec_micros()
            ),
            (Form::Text, _) => write!(line, "{body}"),
        };
        let _ = match (self.form, count) {
            (Form::Json, 1) => writeln!(line, "}}"),
            (Form::Json, _) => writeln!(line, ",\"count\":{count}}}"),
            (Form::Text, 1) => writeln!(line),
            (Form::Text, _) => writeln!(line, " ({count} times)"),
        };
        self.written = self.written.saturating_add(line.len() as u64);
        self.sink.write_all(line.as_bytes()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::Paper;

    fn log(form: Form, limit: u64) -> (Log, Paper) {
        let paper = Paper::default();
        (Log::new(Box::new(paper.clone()), form, limit), paper)
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn repeats_within_a_second_are_one_line_with_a_count() {
        let (mut log, paper) = log(Form::Text, u64::MAX);
        for millis in 0..999 {
            log.take(at(millis), "a", "a", true);
        }
        log.take(at(999), "b", "b", true);
        assert_eq!(paper.lines(), ["a\n", "b\n"]);
        // The second of the first is over, that of the other not.
        log.take(at(1000), "a", "a", true);
        log.take(at(1001), "b", "b", true);
        assert_eq!(paper.lines(), ["a\n", "b\n", "a (998 times)\n", "a\n"]);
        log.flush(at(1500));
        assert_eq!(paper.lines().last().map(String::as_str), Some("b\n"));
        assert_eq!(paper.lines().len(), 5);
        log.flush(at(1500));
        assert_eq!(paper.lines().len(), 5, "nothing is said twice");
    }

    #[test]
    fn every_occurrence_is_in_some_line() {
        let (mut log, paper) = log(Form::Json, u64::MAX);
        for index in 0..10_000_u64 {
            // More lines than are counted at a time, some of them often.
            let body = format!("\"n\":{}", if index % 3 == 0 { 0 } else { index % 2000 });
            log.take(at(index / 5), &body, &body, true);
        }
        log.flush(at(9999));
        let count = |line: &String| match line.split_once("\"count\":") {
            Some((_, count)) => count.trim_end_matches("}\n").parse::<u64>().unwrap(),
            None => 1,
        };
        assert_eq!(paper.lines().iter().map(count).sum::<u64>(), 10_000);
        assert!(log.counted.is_empty() && log.since.is_empty());
    }

    #[test]
    fn a_count_has_the_time_of_its_last_and_is_json() {
        let (mut log, paper) = log(Form::Json, u64::MAX);
        for millis in [10, 20, 30] {
            log.take(at(millis), "a", "\"call\":\"connect\"", true);
        }
        log.flush(at(40));
        assert_eq!(
            paper.lines(),
            [
                "{\"time\":0.010000,\"call\":\"connect\"}\n",
                "{\"time\":0.030000,\"call\":\"connect\",\"count\":2}\n",
            ]
        );
    }

    #[test]
    fn what_is_not_counted_keeps_its_place() {
        let (mut log, paper) = log(Form::Text, u64::MAX);
        for _ in 0..3 {
            log.take(at(0), "a", "a", false);
        }
        assert_eq!(paper.lines(), ["a\n"; 3]);
    }

    #[test]
    fn a_clock_that_is_set_back_ends_a_count() {
        let (mut log, paper) = log(Form::Text, u64::MAX);
        log.take(at(5000), "a", "a", true);
        log.take(at(5000), "a", "a", true);
        log.take(at(100), "b", "b", true);
        assert_eq!(paper.lines(), ["a\n", "a\n", "b\n"]);
    }

    #[test]
    fn beyond_the_limit_only_what_is_new_is_written() {
        let (mut log, paper) = log(Form::Text, 6);
        for body in ["one", "two", "three", "one", "two", "four", "four"] {
            log.take(at(0), body, body, false);
        }
        let limit = "--- the limit of this log is reached: from here on it has only what is new ---\n";
        assert_eq!(paper.lines(), ["one\n", "two\n", limit, "three\n", "four\n"]);
        log.flush(at(0));
        assert_eq!(paper.lines().last().unwrap(), "--- 3 lines were left out ---\n");
    }

    #[test]
    fn what_is_counted_when_the_limit_is_reached_is_left_out() {
        let (mut log, paper) = log(Form::Json, 30);
        for _ in 0..5 {
            log.take(at(0), "a", "\"a\":0", true);
        }
        log.take(at(1), "b", "\"b\":0", true);
        log.take(at(2), "c", "\"c\":0", true);
        log.flush(at(3));
        assert_eq!(
            paper.lines(),
            [
                "{\"time\":0.000000,\"a\":0}\n",
                "{\"time\":0.001000,\"b\":0}\n",
                "{\"time\":0.002000,\"log\":\"limit\"}\n",
                "{\"time\":0.002000,\"c\":0}\n",
                "{\"time\":0.003000,\"log\":\"left out\",\"count\":4}\n",
            ]
        );
    }

    #[test]
    fn a_flood_of_new_things_ends_the_log_and_keeps_the_memory_bounded() {
        let (mut log, paper) = log(Form::Text, 10);
        let all = MAX_OCCURRENCES + 5000;
        for index in 0..all {
            if log.wants_line() {
                log.take(at(0), index, &index.to_string(), true);
            }
        }
        let lines = paper.lines();
        assert_eq!(
            lines.last().unwrap(),
            "--- too much is new: this log ends here ---\n"
        );
        // Each of them and the two lines of the log's own.
        assert_eq!(lines.len(), MAX_OCCURRENCES + 2);
        assert_eq!(log.occurred.len(), MAX_OCCURRENCES);
        assert!(log.counted.len() <= MAX_COUNTED && log.since.len() <= MAX_COUNTED);
        log.flush(at(0));
        assert_eq!(
            paper.lines().last().unwrap(),
            "--- 5000 lines were left out ---\n"
        );
    }

    #[test]
    fn long_lines_are_bounded_in_memory_and_beyond_the_limit() {
        let (mut log, paper) = log(Form::Text, 0);
        let filler = "x".repeat(30_000);
        for index in 0..2000 {
            let body = format!("{index}{filler}");
            log.take(at(0), &body, &body, true);
            assert!(log.counted_bytes <= MAX_COUNTED_BYTES + body.len(), "{index}");
        }
        let written: usize = paper.lines().iter().map(String::len).sum();
        assert!(written < 17 << 20, "{written}");
        assert_eq!(log.state, State::Closed);
        log.flush(at(0));
        assert_eq!(log.counted_bytes, 0);
    }

    #[test]
    fn a_limit_of_nothing_still_has_what_is_new() {
        let (mut log, paper) = log(Form::Text, 0);
        for _ in 0..3 {
            log.take(at(0), "a", "a", true);
        }
        assert_eq!(paper.lines().len(), 2);
        assert_eq!(paper.lines()[1], "a\n");
    }
}
