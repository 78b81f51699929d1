//! Whether what was typed is complete: an input may go over several lines.

/// What has been typed of an input that goes over several lines.
#[derive(Default)]
pub(crate) struct PendingInput(String);

impl PendingInput {
    /// Whether nothing of an input was typed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives up what was typed.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// What was typed, complete or not.
    pub(crate) fn into_text(self) -> String {
        self.0
    }

    /// Takes a line; the whole input, once it is complete.
    pub(crate) fn push(&mut self, line: &str) -> Option<String> {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(line);
        (!is_open(&self.0)).then(|| std::mem::take(&mut self.0))
    }
}

/// Whether a bracket, a text over several lines or a comment is still open. A regular expression with a bracket of its
/// own can deceive it; an empty line does not help then, Ctrl-C does.
fn is_open(input: &str) -> bool {
    let mut depth = 0_usize;
    // What encloses each template: the depth at which its `${` was.
    let mut templates = Vec::new();
    let mut letters = input.chars().peekable();
    let mut in_template = false;
    while let Some(letter) = letters.next() {
        if in_template {
            match letter {
                '\\' => drop(letters.next()),
                '`' => in_template = false,
                '$' if letters.peek() == Some(&'{') => {
                    letters.next();
                    templates.push(depth);
                    in_template = false;
                }
                _ => {}
            }
            continue;
        }
        match letter {
            '"' | '\'' => {
                while let Some(inner) = letters.next() {
                    match inner {
                        '\\' => drop(letters.next()),
                        // A text ends with its line: the engine will say what is wrong.
                        '\n' => break,
                        _ if inner == letter => break,
                        _ => {}
                    }
                }
            }
            '`' => in_template = true,
            '/' if letters.peek() == Some(&'/') => {
                letters
                    .by_ref()
                    .take_while(|letter| *letter != '\n')
                    .for_each(drop);
            }
            '/' if letters.peek() == Some(&'*') => {
                let mut last = ' ';
                letters.next();
                loop {
                    match letters.next() {
                        Some('/') if last == '*' => break,
                        Some(next) => last = next,
                        None => return true,
                    }
                }
            }
            '(' | '[' | '{' => depth += 1,
            '}' if templates.last() == Some(&depth) => {
                templates.pop();
                in_template = true;
            }
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth > 0 || in_template || !templates.is_empty()
}

#[cfg(test)]
mod tests {
    use super::is_open;

    #[test]
    fn an_input_goes_on_while_something_is_open() {
        for open in [
            "{",
            "f(",
            "[1,",
            "`a",
            "`${",
            "`${a} b",
            "/* a",
            "if (a) {\n b();",
            "`${`${",
        ] {
            assert!(is_open(open), "{open}");
        }
        for closed in [
            "",
            "1",
            "{}",
            "f(\n)",
            "')'",
            "\"{\"",
            "// {",
            "'a\\'{'",
            "`{`",
            "`${ {} }`",
            "/* { */",
            "`${`a`}`",
            "'{",
            ")",
        ] {
            assert!(!is_open(closed), "{closed}");
        }
    }
}
