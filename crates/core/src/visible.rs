//! Text of a guest's as it may stand in a message: on one line, and with nothing in it that drives or deceives a terminal.
//!
//! A guest chooses names, paths and the text of errors. What it hides in them, an escape sequence, the end of a line or a
//! character that turns the direction of the text round, must not act when guestnet says what the guest did. Every
//! message, and every line of a trace or an audit, goes through here.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// Whether a character shows nothing of itself: a control or format character (Unicode's Cc and Cf), the end of a line
/// or a paragraph (Zl and Zp), a space other than U+0020, or one that is private or not assigned.
///
/// That is what the standard library writes as an escape in `{:?}`, by its own table of Unicode's categories. It leaves
/// out marks that combine with a letter: half of the world's scripts cannot be read without them.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    // Behind another character a combining mark is printed as it is.
    let mut bytes = [b'x', 0, 0, 0, 0];
    let [_, room @ ..] = &mut bytes;
    let length = character.encode_utf8(room).len();
    let text = bytes
        .get(..=length)
        .and_then(|bytes| std::str::from_utf8(bytes).ok());
    text.is_none_or(|text| text.escape_debug().nth(1) == Some('\\'))
}

/// Adds a text to a line, its hidden characters spelled out as Rust does (`\n`, `\u{1b}`).
pub fn escape_controls(line: &mut String, text: &str) {
    for each in text.chars() {
        if is_hidden(each) {
            line.extend(each.escape_default());
        } else {
            line.push(each);
        }
    }
}

/// A text as [`escape_controls`] adds it.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 16);
    escape_controls(&mut line, text);
    Cow::Owned(line)
}

/// [`visible`] for a text of several lines, whose ends and tabs are kept: a report with a stack, for example.
#[must_use]
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    let hidden = |each: char| !matches!(each, '\n' | '\t') && is_hidden(each);
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    let mut lines = String::with_capacity(text.len() + 16);
    for each in text.chars() {
        if hidden(each) {
            lines.extend(each.escape_default());
        } else {
            lines.push(each);
        }
    }
    Cow::Owned(lines)
}

/// [`escape_controls`] for what is formatted.
pub(crate) struct Visible<'a>(pub(crate) &'a mut String);

impl fmt::Write for Visible<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape_controls(self.0, text);
        Ok(())
    }
}

/// Adds a text as a JSON string (RFC 8259, section 7). Beyond the RFC every hidden character is escaped: a file that a
/// person prints must not control the terminal either.
pub(crate) fn push_json(line: &mut String, text: &str) {
    line.push('"');
    for each in text.chars() {
        match each {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            hidden if is_hidden(hidden) => {
                for unit in hidden.encode_utf16(&mut [0; 2]) {
                    // Into a String.
                    let _ = write!(line, "\\u{unit:04x}");
                }
            }
            other => line.push(other),
        }
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_format_and_separator_characters_are_hidden() {
        // Cc, Zl and Zp in full.
        let controls = (0..0x20).chain(0x7f..0xa0).chain([0x2028, 0x2029]);
        // Cf in full, as of Unicode 16.
        let formats = [
            0xad..=0xad,
            0x600..=0x605,
            0x61c..=0x61c,
            0x6dd..=0x6dd,
            0x70f..=0x70f,
            0x890..=0x891,
            0x8e2..=0x8e2,
            0x180e..=0x180e,
            0x200b..=0x200f,
            0x202a..=0x202e,
            0x2060..=0x2064,
            0x2066..=0x206f,
            0xfeff..=0xfeff,
            0xfff9..=0xfffb,
            0x110bd..=0x110bd,
            0x110cd..=0x110cd,
            0x13430..=0x1343f,
            0x1bca0..=0x1bca3,
            0x1d173..=0x1d17a,
            0xe0001..=0xe0001,
            0xe0020..=0xe007f,
        ];
        for code in controls.chain(formats.into_iter().flatten()) {
            let character = char::from_u32(code).unwrap();
            assert!(is_hidden(character), "U+{code:04X}");
        }
    }

    #[test]
    fn what_people_write_is_printed_as_it_is() {
        for text in [
            " !\"'\\~",
            "é",
            "e\u{301}",
            "数据库",
            "हिन्दी",
            "ไทย",
            "العربية",
            "עברית",
            "🦀",
        ] {
            assert_eq!(visible(text), text);
            assert!(matches!(visible(text), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn a_guests_text_cannot_drive_the_terminal() {
        let text = "/tmp/\u{1b}[2J\n\u{7}\u{9b}é\u{202e}gpj\u{2028}\u{e0041}";
        let expected = "/tmp/\\u{1b}[2J\\n\\u{7}\\u{9b}é\\u{202e}gpj\\u{2028}\\u{e0041}";
        assert_eq!(visible(text), expected);
        let mut line = String::new();
        write!(Visible(&mut line), "{text}").unwrap();
        assert_eq!(line, expected);
        assert_eq!(visible_lines("a\n\tb\r\u{1b}"), "a\n\tb\\r\\u{1b}");
    }

    #[test]
    fn json_stays_json() {
        let mut line = String::new();
        push_json(&mut line, "a\"b\\c\nd\u{7f}\u{9b}\u{202e}\u{2028}\u{e0041}é");
        assert_eq!(line, r#""a\"b\\c\u000ad\u007f\u009b\u202e\u2028\udb40\udc41é""#);
    }
}
