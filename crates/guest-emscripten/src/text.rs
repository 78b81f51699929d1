//! Texts for C: each with a NUL behind it. Not here: how a text of the program's is read.

/// A name with its NUL, and, for `Some`, its aliases the same way, with an empty text behind the last one. Aliases that do not
/// fit are left out; `None` if the name itself does not.
pub(crate) fn list<T: AsRef<str>>(name: &str, aliases: Option<&[T]>, room: usize) -> Option<Vec<u8>> {
    let end = usize::from(aliases.is_some());
    let mut bytes = Vec::new();
    push(&mut bytes, name, room.checked_sub(end)?)?;
    let Some(aliases) = aliases else {
        return Some(bytes);
    };
    for alias in aliases
        .iter()
        .map(AsRef::as_ref)
        .filter(|alias| !alias.is_empty())
    {
        if push(&mut bytes, alias, room - end).is_none() {
            break;
        }
    }
    bytes.push(0);
    Some(bytes)
}

/// Adds a text with its NUL if it fits.
pub(crate) fn push(bytes: &mut Vec<u8>, text: &str, room: usize) -> Option<()> {
    if bytes.len() + text.len() >= room {
        return None;
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn aliases_that_do_not_fit_are_left_out_and_a_name_that_does_not_is_nothing() {
        let aliases = ["bc", "d"];
        let with = |room| list("a", Some(&aliases), room);
        assert_eq!(with(8).as_deref(), Some(&b"a\0bc\0d\0\0"[..]));
        assert_eq!(with(7).as_deref(), Some(&b"a\0bc\0\0"[..]));
        assert_eq!(with(5).as_deref(), Some(&b"a\0\0"[..]));
        assert_eq!(with(3).as_deref(), Some(&b"a\0\0"[..]));
        assert_eq!(with(2), None);
        assert_eq!(list::<&str>("a", None, 2).as_deref(), Some(&b"a\0"[..]));
        assert_eq!(list::<&str>("a", None, 1), None);
        assert_eq!(list::<&str>("", Some(&[]), 0), None);
    }
}
