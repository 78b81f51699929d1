//! The blocks of code of a page, each with the comment before it. Not a reader of all of Markdown.

/// What the comment before a block says of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mark {
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
pub(crate) enum Fixture {
    /// `NAME = guest KIND/GUEST`: a built guest.
    Guest {
        name: String,
        kind: String,
        guest: String,
    },
    /// `NAME = file PATH`: a copy of a file of the repository.
    File { name: String, path: String },
    /// `port N`: on each run another port has its place, in commands, files and output.
    Port(String),
    /// `node`: an engine for programs of emcc.
    Node,
}

impl Mark {
    /// Whether a block with this mark needs an engine for programs of emcc.
    pub(crate) fn needs_node(&self) -> bool {
        matches!(self, Self::Run(fixtures) if fixtures.contains(&Fixture::Node))
    }
}

/// A block between fences.
#[derive(Debug)]
pub(crate) struct Block {
    /// The line of its opening fence.
    pub(crate) line: usize,
    /// What stands behind the fence.
    pub(crate) language: String,
    pub(crate) mark: Mark,
    /// Its lines, each with its end.
    pub(crate) text: String,
}

impl Block {
    /// Whether its commands are run.
    pub(crate) fn is_run(&self) -> bool {
        matches!(self.language.as_str(), "sh" | "console")
            && matches!(self.mark, Mark::Nothing | Mark::Run(_))
    }
}

const FENCE: &str = "```";

/// The blocks of a page, in order.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
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
