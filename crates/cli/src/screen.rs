//! [`Screen`]: a terminal that shows a prompt while a script writes to it.
//!
//! While the prompt is shown, what the script writes is held until the line editor paints its line the next time: it then
//! stands above the prompt. Otherwise the script writes to the terminal itself.

use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How much a script may write that is not shown yet, in bytes. One that writes more waits for the terminal, as it does
/// without a prompt.
const MAX_HELD: usize = 64 << 10;

/// Leaves the line of a prompt that nothing is typed at any more: no text is pasted into it, and it is wiped.
const WIPE_PROMPT: &str = "\x1b[?2004l\r\x1b[J";

/// What the script and the line editor share.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    state: Mutex<ScreenState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct ScreenState {
    /// The line editor has the terminal.
    prompt: bool,
    /// What the script has written, and is not shown yet.
    held: Vec<u8>,
    /// Some of it came since the editor was asked to paint.
    news: bool,
}

impl Screen {
    /// The line editor has the terminal from now on.
    pub(crate) fn show_prompt(&self) {
        self.lock().prompt = true;
    }

    /// The line editor has given the terminal back, with the cursor at the beginning of a line.
    pub(crate) fn hide_prompt(&self) {
        let mut state = self.lock();
        state.prompt = false;
        // The lock is held, so that nothing of the script comes before it.
        print(&std::mem::take(&mut state.held));
        state.news = false;
        self.changed.notify_all();
    }

    /// The script has ended, whether or not the line editor has the terminal.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        if std::mem::take(&mut state.prompt) {
            print(WIPE_PROMPT.as_bytes());
            print(&std::mem::take(&mut state.held));
            self.changed.notify_all();
        }
    }

    /// The script writes; whether this was taken, to be shown above the prompt. Waits while much is held.
    pub(crate) fn take(&self, bytes: &[u8]) -> bool {
        let mut state = self.lock();
        while state.prompt && state.held.len() > MAX_HELD {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.prompt {
            state.held.extend_from_slice(bytes);
            state.news = true;
            self.changed.notify_all();
        }
        state.prompt
    }

    /// Waits until the line editor has to paint its line once more.
    pub(crate) fn wait_for_news(&self) {
        let mut state = self.lock();
        while !(state.prompt && state.news) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.news = false;
    }

    /// The line editor paints its line: the whole lines to show above it. A character that is not complete stays.
    pub(crate) fn above_prompt(&self) -> String {
        let mut state = self.lock();
        let whole = match std::str::from_utf8(&state.held) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => state.held.len(),
        };
        let rest = state.held.split_off(whole);
        let shown = std::mem::replace(&mut state.held, rest);
        self.changed.notify_all();
        drop(state);
        let mut text = String::from_utf8_lossy(&shown).into_owned();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }

    fn lock(&self) -> MutexGuard<'_, ScreenState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes to the terminal. One that is gone shows nothing.
fn print(bytes: &[u8]) {
    let mut terminal = std::io::stdout().lock();
    let _ = terminal.write_all(bytes).and_then(|()| terminal.flush());
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::{MAX_HELD, Screen};

    #[test]
    fn what_is_written_at_a_prompt_stands_above_it_in_whole_lines_and_characters() {
        let screen = Screen::default();
        assert!(!screen.take(b"direct"));
        screen.show_prompt();
        assert_eq!(screen.above_prompt(), "");
        assert!(screen.take(b"one\ntwo \xc3"));
        screen.wait_for_news();
        assert_eq!(screen.above_prompt(), "one\ntwo \n");
        assert!(screen.take(b"\xa4\n"));
        assert_eq!(screen.above_prompt(), "\u{e4}\n");
        assert!(screen.take(b"\xff\xff"));
        assert_eq!(screen.above_prompt(), "\u{fffd}\u{fffd}\n");
        screen.hide_prompt();
        assert!(!screen.take(b"direct"));
    }

    #[test]
    fn a_script_that_writes_much_waits_until_it_is_shown_or_the_prompt_is_gone() {
        let screen = Arc::new(Screen::default());
        screen.show_prompt();
        assert!(screen.take(&[b'x'; MAX_HELD + 1]));
        let writer = Arc::clone(&screen);
        let written = thread::spawn(move || writer.take(b"y"));
        assert_eq!(screen.above_prompt().len(), MAX_HELD + 2);
        assert!(written.join().unwrap());
        assert_eq!(screen.above_prompt(), "y\n");

        assert!(screen.take(&[b'x'; MAX_HELD + 1]));
        let writer = Arc::clone(&screen);
        let written = thread::spawn(move || writer.take(b"y"));
        screen.close();
        assert!(!written.join().unwrap());
    }
}
