//! Licence expressions as Cargo.toml has them: SPDX with `AND`, `OR`, `WITH`, parentheses, and the old slash.

/// Whether an expression can be satisfied with terms for which `allowed` holds. A term is a licence, with its
/// exception if it has one: `Apache-2.0 WITH LLVM-exception`. `None` if it is not an expression.
pub(super) fn satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let result = either(&mut rest, allowed)?;
    rest.is_empty().then_some(result)
}

fn either(words: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut result = both(words, allowed)?;
    while take(words, "OR") {
        result |= both(words, allowed)?;
    }
    Some(result)
}

fn both(words: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut result = term(words, allowed)?;
    while take(words, "AND") {
        result &= term(words, allowed)?;
    }
    Some(result)
}

fn term(words: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    if take(words, "(") {
        let result = either(words, allowed)?;
        return take(words, ")").then_some(result);
    }
    let licence = name(words)?;
    if take(words, "WITH") {
        let exception = name(words)?;
        return Some(allowed(&format!("{licence} WITH {exception}")));
    }
    Some(allowed(licence))
}

fn name<'a>(words: &mut &[&'a str]) -> Option<&'a str> {
    let (first, rest) = words.split_first()?;
    if ["AND", "OR", "WITH", "(", ")"].contains(first) {
        return None;
    }
    *words = rest;
    Some(first)
}

fn take(words: &mut &[&str], word: &str) -> bool {
    match words.split_first() {
        Some((first, rest)) if *first == word => {
            *words = rest;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::satisfied;

    fn with(expression: &str) -> Option<bool> {
        satisfied(expression, &|term| {
            ["MIT", "Apache-2.0 WITH LLVM-exception"].contains(&term)
        })
    }

    #[test]
    fn one_choice_of_an_or_is_enough_and_every_part_of_an_and_is_needed() {
        assert_eq!(with("MIT"), Some(true));
        assert_eq!(with("GPL-3.0"), Some(false));
        assert_eq!(with("MIT OR GPL-3.0"), Some(true));
        assert_eq!(with("GPL-3.0/MIT"), Some(true));
        assert_eq!(with("MIT AND GPL-3.0"), Some(false));
        assert_eq!(with("(MIT OR Zlib) AND (GPL-3.0 OR MIT)"), Some(true));
        assert_eq!(with("GPL-3.0 OR MIT AND Zlib"), Some(false));
    }

    #[test]
    fn an_exception_belongs_to_its_licence() {
        assert_eq!(with("Apache-2.0 WITH LLVM-exception"), Some(true));
        assert_eq!(with("Apache-2.0"), Some(false));
    }

    #[test]
    fn what_is_not_an_expression_is_not_allowed_by_accident() {
        for bad in ["", "OR MIT", "MIT OR", "(MIT", "MIT MIT", "MIT WITH"] {
            assert_eq!(with(bad), None, "{bad}");
        }
    }
}
