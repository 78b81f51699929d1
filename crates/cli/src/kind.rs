//! [`Kind`]: whether a WebAssembly file is a module or a component.

/// What a WebAssembly file has in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Module,
    Component,
}

impl Kind {
    /// Of a file that is WebAssembly, in its binary form or as text.
    pub(crate) fn of(bytes: &[u8]) -> Kind {
        match bytes {
            [0, b'a', b's', b'm', _, _, 1, 0, ..] => Kind::Component,
            [0, b'a', b's', b'm', ..] => Kind::Module,
            text if without_comments(text).starts_with(b"(component") => Kind::Component,
            _ => Kind::Module,
        }
    }
}

/// A text from its first expression on.
fn without_comments(text: &[u8]) -> &[u8] {
    let mut rest = text.trim_ascii_start();
    loop {
        let end = match rest {
            [b';', b';', ..] => rest.iter().position(|byte| *byte == b'\n'),
            [b'(', b';', ..] => rest
                .windows(2)
                .position(|pair| pair == b";)")
                .map(|place| place.saturating_add(2)),
            _ => return rest,
        };
        rest = end
            .and_then(|end| rest.get(end..))
            .unwrap_or_default()
            .trim_ascii_start();
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn components_and_modules_are_recognised() {
        for component in [
            &b"\0asm\x0d\0\x01\0"[..],
            b" (component)",
            b";; (module)\n(; (module) ;) (component)",
        ] {
            assert_eq!(Kind::of(component), Kind::Component);
        }
        for module in [
            &b"\0asm\x01\0\0\0"[..],
            b"(module)",
            b";; (component)\n(module)",
            b"(; (component)",
            b";;",
            b"",
        ] {
            assert_eq!(Kind::of(module), Kind::Module);
        }
    }
}
