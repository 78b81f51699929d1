//! The blocks of code of a page, each with the comment before it, its headings and links. Not a reader of all of Markdown.

/// What the comment before a block says of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing stands before it.
    Nothing,
    /// It is run, with these files and ports.
    Run(Vec<Fixture>),
    /// It is a file of this name for the commands of the page.
    File(String),
    /// It is a part of this file of the repository.
    Source(String),
    /// It is not run, for this reason.
    NotRun(String),
    /// It is to be about the block and cannot be read.
    Unknown(String),
}

/// What commands find.
#[derive(Debug, PartialEq, Eq)]
pub enum Fixture {
    /// `NAME = guest KIND/GUEST`: a built guest.
    Guest {
        /// What the commands call it.
        name: String,
        /// As of [`guest`](crate::guest).
        kind: String,
        /// As of [`guest`](crate::guest).
        guest: String,
    },
    /// `NAME = file PATH`: a copy of a file of the repository.
    File {
        /// What the commands call it.
        name: String,
        /// Where it is, from the root of the repository.
        path: String,
    },
    /// `port N`: on each run another port has its place, in commands, files and output.
    Port(String),
    /// `node`: an engine for programs of emcc.
    Node,
}

impl Mark {
    /// Whether a block with this mark needs an engine for programs of emcc.
    #[must_use]
    pub fn needs_node(&self) -> bool {
        matches!(self, Self::Run(fixtures) if fixtures.contains(&Fixture::Node))
    }
}

/// A block between fences.
#[derive(Debug)]
pub struct Block {
    /// The line of its opening fence.
    pub line: usize,
    /// What stands behind the fence.
    pub language: String,
    /// What the comment before it says.
    pub mark: Mark,
    /// Its lines, each with its end.
    pub text: String,
}

impl Block {
    /// Whether its commands are run.
    #[must_use]
    pub fn is_run(&self) -> bool {
        matches!(self.language.as_str(), "sh" | "console")
            && matches!(self.mark, Mark::Nothing | Mark::Run(_))
    }
}

const FENCE: &str = "```";

/// The blocks of a page, in order.
#[must_use]
pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut before = String::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(language) = line.trim_start().strip_prefix(FENCE) {
            let body = lines.by_ref().map(|(_, line)| line);
            let text = body
                .take_while(|line| line.trim() != FENCE)
                .map(|line| format!("{line}\n"));
            blocks.push(Block {
                line: number + 1,
                language: language.trim().to_owned(),
                mark: mark(&before),
                text: text.collect(),
            });
            before.clear();
        } else if line.trim_start().starts_with("<!--")
            || (before.starts_with("<!--") && !before.ends_with("-->"))
        {
            if before.ends_with("-->") {
                before.clear();
            }
            before = format!("{before} {}", line.trim()).trim().to_owned();
        } else if !line.trim().is_empty() {
            before.clear();
        }
    }
    blocks
}

/// Reads the comment before a block.
fn mark(comment: &str) -> Mark {
    let Some(text) = comment
        .strip_prefix("<!--")
        .and_then(|rest| rest.strip_suffix("-->"))
    else {
        return Mark::Nothing;
    };
    let unknown = || Mark::Unknown(comment.to_owned());
    let (kind, rest) = match text.split_once(':') {
        Some((kind, rest)) => (kind.trim(), rest.trim()),
        None => return unknown(),
    };
    match kind {
        "run" => {
            let fixtures: Option<Vec<Fixture>> = rest.split(',').map(|part| fixture(part.trim())).collect();
            fixtures.map_or_else(unknown, Mark::Run)
        }
        "file" => Mark::File(rest.to_owned()),
        "source" => Mark::Source(rest.to_owned()),
        "not run" => Mark::NotRun(rest.to_owned()),
        _ => unknown(),
    }
}

fn fixture(text: &str) -> Option<Fixture> {
    if text == "node" {
        return Some(Fixture::Node);
    }
    if let Some(port) = text.strip_prefix("port ") {
        return Some(Fixture::Port(port.to_owned()));
    }
    let (name, what) = text.split_once(" = ")?;
    let name = name.to_owned();
    if let Some(path) = what.strip_prefix("file ") {
        let path = path.to_owned();
        return Some(Fixture::File { name, path });
    }
    let (kind, guest) = what.strip_prefix("guest ")?.split_once('/')?;
    Some(Fixture::Guest {
        name,
        kind: kind.to_owned(),
        guest: guest.to_owned(),
    })
}

/// What the links of a page lead to, in order. What is code has none.
#[must_use]
pub fn links(page: &str) -> Vec<String> {
    let mut is_code = false;
    let mut prose = String::new();
    for line in page.lines() {
        let is_fence = line.trim_start().starts_with(FENCE);
        is_code ^= is_fence;
        if !is_code && !is_fence {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    let words: String = prose.split('`').step_by(2).collect();
    let behind = words.split("](").skip(1);
    behind
        .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
        .collect()
}

/// The names by which links find the headings of a page: lower case, without punctuation, `-` for a space.
#[must_use]
pub fn anchors(page: &str) -> Vec<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

/// Stands for any text where a page shows what a command prints.
pub const ANYTHING: char = '…';

/// Whether what was printed is what a page shows, in which `…` stands for any text.
#[must_use]
pub fn shows(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split(ANYTHING);
    let Some(mut rest) = parts.next().and_then(|first| printed.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_about_the_block_that_follows_it_directly_and_about_no_other() {
        let page = "<!-- run: a.wasm = guest go/a, b.js = file x/b.js,\nport 80, node -->\n```sh\none\n```\n\n```console\ntwo\n```\n\
                    <!-- not run: it takes long -->\nwords\n```sh\nthree\n```\n<!-- file: a.toml -->\n\n```toml\nfour\n```\n";
        let blocks = blocks(page);
        let lines: Vec<(usize, &str, &str)> = blocks
            .iter()
            .map(|block| (block.line, block.language.as_str(), block.text.as_str()))
            .collect();
        assert_eq!(
            lines,
            [
                (3, "sh", "one\n"),
                (7, "console", "two\n"),
                (12, "sh", "three\n"),
                (17, "toml", "four\n")
            ]
        );
        let marks: Vec<&Mark> = blocks.iter().map(|block| &block.mark).collect();
        let guest = Fixture::Guest {
            name: "a.wasm".into(),
            kind: "go".into(),
            guest: "a".into(),
        };
        let file = Fixture::File {
            name: "b.js".into(),
            path: "x/b.js".into(),
        };
        let fixtures = vec![guest, file, Fixture::Port("80".into()), Fixture::Node];
        assert_eq!(
            marks,
            [
                &Mark::Run(fixtures),
                &Mark::Nothing,
                &Mark::Nothing,
                &Mark::File("a.toml".into())
            ]
        );
    }

    #[test]
    fn a_comment_that_cannot_be_read_is_a_fault_and_no_excuse() {
        for comment in ["<!-- skip -->", "<!-- run: a.wasm -->", "<!-- ran: port 80 -->"] {
            let blocks = blocks(&format!("{comment}\n```sh\nfalse\n```\n"));
            assert!(blocks.iter().all(|block| !block.is_run()), "{comment}");
            assert!(
                blocks.iter().all(|block| matches!(block.mark, Mark::Unknown(_))),
                "{comment}"
            );
        }
    }

    #[test]
    fn an_ellipsis_stands_for_any_text_and_everything_else_for_itself() {
        assert!(
            shows("", "") && shows("a\nb", "a\nb") && shows("…", "a\nb") && shows("a\n…\nd", "a\nb\nc\nd")
        );
        assert!(
            !shows("", "a")
                && !shows("a", "")
                && !shows("a", "ab")
                && !shows("a…c", "ab")
                && !shows("a…b…c", "axc")
        );
    }

    #[test]
    fn a_link_finds_a_heading_by_its_words() {
        assert_eq!(
            anchors("# One: `two`, 3\ntext\n## what-it cannot say\n"),
            ["one-two-3", "what-it-cannot-say"]
        );
        assert_eq!(
            links("[`a`](b.md), `[x](y)`\n```text\n[x](y)\n```\n[c](#d)"),
            ["b.md", "#d"]
        );
    }
}
