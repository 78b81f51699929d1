//! What the instances of a component would take, counted before it is compiled.
//!
//! A component says how often each of its modules and components is instantiated, and a component that is instantiated a thousand
//! times may instantiate another one a thousand times: a few lines stand for a million instances. Each core instance also has memory
//! that is not in its linear memory, so that no limit of the guest counts it: its global variables and its functions' references.
//!
//! Not here: what a function costs to compile (`cost`), and whether the component is valid. What is not readable is left to the
//! compiler, which refuses it.

use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Encoding, FromReader, Instance, Parser, Payload, SectionLimited,
};

/// What all core instances may have outside of their memories and tables. Those of real toolchains have some kilobytes each, the
/// largest, of language runtimes, a megabyte or two.
const MAX_BYTES: u64 = 64 << 20;

/// How many definitions there may be, those of a component as often as it is instantiated. Real programs have some thousands.
const MAX_DEFINITIONS: u64 = 1 << 20;

// Each is what Wasmtime keeps for it, in bytes (its `VMContext`), or a little more.

/// An instance with nothing in it.
const INSTANCE: u64 = 1024;
/// An import, or a function, which something may refer to.
const FUNCTION: u64 = 40;
const GLOBAL: u64 = 16;
/// A table, a memory, a tag, a segment.
const OTHER: u64 = 64;

/// Checks a component, binary. A module is instantiated once, and passes.
///
/// # Errors
/// A sentence on what there would be too much of.
pub(crate) fn check_instances(binary: &[u8]) -> Result<(), String> {
    let mut scopes: Vec<Scope> = Vec::new();
    for payload in Parser::new(0).parse_all(binary) {
        let Ok(payload) = payload else { return Ok(()) };
        match &payload {
            Payload::Version { encoding, .. } => scopes.push(Scope::new(*encoding)),
            Payload::End(_) => {
                let (Some(scope), Some(around)) = (scopes.pop(), scopes.last_mut()) else {
                    return Ok(());
                };
                match scope.encoding {
                    Encoding::Module => around.modules.push(Some(scope.total)),
                    Encoding::Component => around.components.push(Some(scope.total)),
                }
            }
            // A section that cannot be read has nothing of its own; the compiler stops there.
            _ => drop(define(&mut scopes, &payload)),
        }
        if let Some(scope) = scopes.last() {
            scope.check()?;
        }
    }
    Ok(())
}

/// A module or component that is being read.
struct Scope {
    encoding: Encoding,
    /// What an instance of it has, as far as it has been read.
    total: Total,
    /// What an instance of each of its modules and components has. `None`: it is handed over, and not known before all is put
    /// together.
    modules: Vec<Option<Total>>,
    components: Vec<Option<Total>>,
    /// Whether it instantiates one of those.
    is_unknown: bool,
}

#[derive(Clone, Copy, Default)]
struct Total {
    bytes: u64,
    definitions: u64,
}

impl Scope {
    fn new(encoding: Encoding) -> Self {
        let bytes = match encoding {
            Encoding::Module => INSTANCE,
            Encoding::Component => 0,
        };
        Scope {
            encoding,
            total: Total {
                bytes,
                definitions: 1,
            },
            modules: Vec::new(),
            components: Vec::new(),
            is_unknown: false,
        }
    }

    fn check(&self) -> Result<(), String> {
        // What a single module has is bounded by its size and by the limits of the format.
        if self.encoding == Encoding::Module {
            return Ok(());
        }
        if self.is_unknown {
            return Err("it instantiates a module or component that is handed to it".to_owned());
        }
        if self.total.bytes > MAX_BYTES {
            return Err(format!(
                "its instances would take more than {} MiB outside of their memories",
                MAX_BYTES >> 20
            ));
        }
        if self.total.definitions > MAX_DEFINITIONS {
            return Err(format!(
                "its instances would have more than {MAX_DEFINITIONS} definitions"
            ));
        }
        Ok(())
    }

    fn has(&mut self, count: u32, size: u64) {
        self.total.bytes = self
            .total
            .bytes
            .saturating_add(u64::from(count).saturating_mul(size));
    }

    fn defines(&mut self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.total.definitions = self.total.definitions.saturating_add(count);
    }

    fn instantiate(&mut self, what: Option<Total>) {
        match what {
            Some(one) => {
                self.total.bytes = self.total.bytes.saturating_add(one.bytes);
                self.total.definitions = self.total.definitions.saturating_add(one.definitions);
            }
            None => self.is_unknown = true,
        }
    }
}

/// Adds what a section defines to the scope that it stands in.
fn define(scopes: &mut [Scope], payload: &Payload<'_>) -> Result<(), BinaryReaderError> {
    let [around @ .., scope] = scopes else {
        return Ok(());
    };
    match payload {
        Payload::ImportSection(section) => {
            let imports = section.clone().into_imports().count();
            scope.has(u32::try_from(imports).unwrap_or(u32::MAX), FUNCTION);
        }
        Payload::FunctionSection(section) => scope.has(section.count(), FUNCTION),
        Payload::GlobalSection(section) => scope.has(section.count(), GLOBAL),
        Payload::TableSection(section) => scope.has(section.count(), OTHER),
        Payload::MemorySection(section) => scope.has(section.count(), OTHER),
        Payload::TagSection(section) => scope.has(section.count(), OTHER),
        Payload::ElementSection(section) => scope.has(section.count(), OTHER),
        Payload::DataSection(section) => scope.has(section.count(), OTHER),
        Payload::ComponentTypeSection(section) => scope.defines(index(section.count())),
        Payload::CoreTypeSection(section) => scope.defines(index(section.count())),
        Payload::ComponentCanonicalSection(section) => scope.defines(index(section.count())),
        Payload::ComponentImportSection(section) => each(section, |import| {
            scope.defines(1);
            match import.ty {
                ComponentTypeRef::Module(_) => scope.modules.push(None),
                ComponentTypeRef::Component(_) => scope.components.push(None),
                _ => {}
            }
        })?,
        // What is exported has one more number.
        Payload::ComponentExportSection(section) => each(section, |export| {
            scope.defines(1);
            match export.kind {
                ComponentExternalKind::Module => {
                    scope.modules.push(at(&scope.modules, export.index));
                }
                ComponentExternalKind::Component => {
                    scope.components.push(at(&scope.components, export.index));
                }
                _ => {}
            }
        })?,
        Payload::ComponentAliasSection(section) => each(section, |alias| {
            scope.defines(1);
            match alias {
                ComponentAlias::InstanceExport { kind, .. } => match kind {
                    ComponentExternalKind::Module => scope.modules.push(None),
                    ComponentExternalKind::Component => scope.components.push(None),
                    _ => {}
                },
                ComponentAlias::Outer { kind, count, index } => {
                    // 0 is this component, 1 the one around it.
                    let place = around.len().checked_sub(self::index(count));
                    let outer = place.and_then(|place| around.get(place)).unwrap_or(scope);
                    match kind {
                        ComponentOuterAliasKind::CoreModule => {
                            let found = at(&outer.modules, index);
                            scope.modules.push(found);
                        }
                        ComponentOuterAliasKind::Component => {
                            let found = at(&outer.components, index);
                            scope.components.push(found);
                        }
                        ComponentOuterAliasKind::CoreType | ComponentOuterAliasKind::Type => {}
                    }
                }
                ComponentAlias::CoreInstanceExport { .. } => {}
            }
        })?,
        Payload::InstanceSection(section) => each(section, |instance| match instance {
            Instance::Instantiate { module_index, args } => {
                scope.defines(args.len());
                scope.instantiate(at(&scope.modules, module_index));
            }
            Instance::FromExports(exports) => scope.defines(exports.len()),
        })?,
        Payload::ComponentInstanceSection(section) => each(section, |instance| match instance {
            ComponentInstance::Instantiate {
                component_index,
                args,
            } => {
                scope.defines(args.len());
                scope.instantiate(at(&scope.components, component_index));
            }
            ComponentInstance::FromExports(exports) => scope.defines(exports.len()),
        })?,
        _ => {}
    }
    Ok(())
}

fn each<'a, T: FromReader<'a>>(
    section: &SectionLimited<'a, T>,
    mut take: impl FnMut(T),
) -> Result<(), BinaryReaderError> {
    for item in section.clone() {
        take(item?);
    }
    Ok(())
}

/// What has this number. If nothing has, the component is not valid.
fn at(list: &[Option<Total>], number: u32) -> Option<Total> {
    list.get(index(number)).copied().unwrap_or_default()
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), String> {
        check_instances(&wat::parse_str(text).unwrap())
    }

    /// Components in one another, each of which instantiates the one within it ten times.
    fn nested(depth: usize) -> String {
        let mut text = "(core module $m) (core instance (instantiate $m))".to_owned();
        for _ in 0..depth {
            text = format!(
                "(component $c {text}) {}",
                "(instance (instantiate $c))".repeat(10)
            );
        }
        format!("(component {text})")
    }

    #[test]
    fn instances_of_components_in_one_another_multiply() {
        assert_eq!(check(&nested(2)), Ok(()));
        assert_eq!(
            check(&nested(8)).unwrap_err(),
            "its instances would take more than 64 MiB outside of their memories"
        );
        let empty = nested(8).replace("(core module $m) (core instance (instantiate $m))", "");
        assert_eq!(
            check(&empty).unwrap_err(),
            "its instances would have more than 1048576 definitions"
        );
    }

    #[test]
    fn what_a_module_has_counts_for_each_of_its_instances() {
        let component = |globals: usize, count: usize| {
            format!(
                "(component (core module $m {}) {})",
                "(global i64 (i64.const 0))".repeat(globals),
                "(core instance (instantiate $m))".repeat(count)
            )
        };
        assert_eq!(check(&component(20_000, 200)), Ok(()));
        assert!(check(&component(30_000, 200)).is_err());
        assert_eq!(check(&component(30_000, 1)), Ok(()));
        // Of a module alone there is one.
        let module = format!("(module {})", "(func)".repeat(100_000));
        assert_eq!(check(&module), Ok(()));
    }

    #[test]
    fn modules_are_found_by_aliases_and_exports() {
        let large = format!(
            "(core module $m {})",
            "(global i64 (i64.const 0))".repeat(100_000)
        );
        let within = "(alias outer 1 0 (core module)) (core instance (instantiate 0))";
        let again = r#"(export "m" (core module $m)) (core instance (instantiate 1))"#;
        for (few, text) in [
            (
                2,
                format!(
                    "(component $c {within}) {}",
                    "(instance (instantiate $c))".repeat(60)
                ),
            ),
            (
                1,
                format!("{again}{}", "(core instance (instantiate 1))".repeat(60)),
            ),
        ] {
            assert!(check(&format!("(component {large} {text})")).is_err(), "{few}");
            let small = "(core module $m)";
            assert_eq!(check(&format!("(component {small} {text})")), Ok(()), "{few}");
        }
    }

    #[test]
    fn what_is_handed_over_is_not_instantiated() {
        let within = r#"(component (import "m" (core module)) (core instance (instantiate 0)))"#;
        assert_eq!(
            check(&format!("(component {within})")).unwrap_err(),
            "it instantiates a module or component that is handed to it"
        );
        let unused = r#"(component (import "m" (core module)))"#;
        assert_eq!(check(&format!("(component {unused})")), Ok(()));
    }

    #[test]
    fn what_is_not_readable_is_left_to_the_compiler() {
        let whole = wat::parse_str(nested(2)).unwrap();
        for len in 0..whole.len() {
            assert_eq!(check_instances(&whole[..len]), Ok(()));
        }
    }
}
