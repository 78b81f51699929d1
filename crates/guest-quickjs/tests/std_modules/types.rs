//! The type declarations name what the modules export, and nothing else; what they say of each is compiled by the step
//! "types" of `cargo xtask test`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::harness::Run;

/// The values that each module of the declarations exports: constants, functions, classes.
fn declared(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut modules: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut module = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("declare module \"") {
            module = rest.split('"').next().map(str::to_owned);
            if let Some(name) = &module {
                modules.entry(name.clone()).or_default();
            }
        } else if line == "}" {
            module = None;
        } else if let (Some(module), Some(rest)) = (&module, line.strip_prefix("    export ")) {
            let names = modules.get_mut(module).unwrap();
            let word = |rest: &str| {
                let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
                rest[..end.unwrap_or(rest.len())].to_owned()
            };
            if let Some(list) = rest.strip_prefix("{ _in as in, ") {
                assert_eq!(list, "_out as out, _err as err };");
                names.extend(["in", "out", "err"].map(str::to_owned));
            } else if let Some(list) = rest.strip_prefix("const ") {
                // `const A: T, B: T;` may go over a line only by being written again.
                let parts = list.trim_end_matches(';').split(", ");
                names.extend(parts.filter(|part| part.contains(": ")).map(word));
            } else if let Some(rest) = rest
                .strip_prefix("function ")
                .or_else(|| rest.strip_prefix("class "))
            {
                names.push(word(rest));
            } else if !rest.starts_with("* from ") {
                assert!(
                    rest.starts_with("interface ") || rest.starts_with("type "),
                    "{line}"
                );
            }
        }
    }
    for names in modules.values_mut() {
        names.sort();
        names.dedup();
    }
    modules
}

#[test]
fn the_declarations_name_what_the_modules_export() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("guestnet.d.ts");
    let modules = declared(&std::fs::read_to_string(path).unwrap());
    assert_eq!(
        modules.keys().collect::<Vec<_>>(),
        [
            "guestnet:http",
            "guestnet:io",
            "guestnet:sockets",
            "guestnet:text",
            "qjs:os",
            "qjs:std",
            "std"
        ]
    );
    // "std" stands for "qjs:std".
    for (module, names) in modules.iter().filter(|(_, names)| !names.is_empty()) {
        let outcome = Run::new().text(&format!(
            "import * as it from '{module}'; for (const name of Object.keys(it).sort()) print(name);"
        ));
        assert_eq!(outcome.err, "");
        let exported: Vec<_> = outcome.out.lines().map(str::to_owned).collect();
        let only = |these: &[String], those: &[String]| -> Vec<String> {
            these
                .iter()
                .filter(|name| !those.contains(name))
                .cloned()
                .collect()
        };
        assert_eq!(
            only(names, &exported),
            [""; 0],
            "declared for {module} and not there"
        );
        assert_eq!(
            only(&exported, names),
            [""; 0],
            "exported by {module} and not declared"
        );
    }
}

#[test]
fn the_declared_methods_of_files_are_there() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("guestnet.d.ts");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once("    export interface FILE {\n").unwrap();
    let (body, _) = rest.split_once("\n    }\n").unwrap();
    let mut names: Vec<_> = body
        .lines()
        .filter_map(|line| line.trim().split_once('(').map(|(name, _)| name.to_owned()))
        .filter(|name| name.chars().all(char::is_alphanumeric))
        .collect();
    names.sort();
    names.dedup();
    let outcome = Run::new().text(
        "import * as std from 'std'; for (const name of Object.keys(Object.getPrototypeOf(std.out)).sort()) print(name);",
    );
    assert_eq!(outcome.out.lines().collect::<Vec<_>>(), names);
}

#[test]
fn every_declared_function_and_class_is_used_in_what_the_compiler_sees() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("guestnet.d.ts")).unwrap();
    let read = |name: &str| std::fs::read_to_string(root.join("tests/types").join(name)).unwrap();
    let uses = [read("os.ts"), read("std.ts"), read("shipped.ts")];
    let called = |name: &str| {
        let (call, class) = (format!(".{name}("), format!("new {name}("));
        uses.iter()
            .any(|uses| uses.contains(&call) || uses.contains(&class))
    };
    let declared = text.lines().filter_map(|line| {
        let line = line.trim();
        let rest = line
            .strip_prefix("export function ")
            .or_else(|| line.strip_prefix("export class "))?;
        rest.split(|letter: char| !letter.is_alphanumeric()).next()
    });
    let (mut count, mut unused) = (0, Vec::new());
    for name in declared {
        count += 1;
        if !called(name) {
            unused.push(name);
        }
    }
    assert!(count > 80, "{count}");
    assert_eq!(unused, [""; 0]);
}
