//! The imports of a module and whether it is a program, read without a compiler.

use wasmparser::{CompositeInnerType, ExternalKind, FuncType, Parser, Payload, TypeRef, ValType};
use wasmtime::{Engine, Module};

use super::link::{Adapter, Import, Source};
use crate::cost::{CompileLimits, check_compile};

/// What a module says about itself.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Every import, in its order, with what answers it.
    pub imports: Vec<Import>,
    /// Whether it exports a function `_start` without parameters and results, as WASI's commands do.
    pub is_command: bool,
}

/// The sections that matter.
#[derive(Default)]
struct Sections<'m> {
    /// Of a type that is no function's, `None`.
    types: Vec<Option<FuncType>>,
    imports: Vec<wasmparser::Import<'m>>,
    /// The type of each function, imported ones first.
    functions: Vec<u32>,
    start: Option<u32>,
}

impl<'m> Sections<'m> {
    fn read(binary: &'m [u8]) -> Result<Self, wasmparser::BinaryReaderError> {
        let mut sections = Sections::default();
        for payload in Parser::new(0).parse_all(binary) {
            match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        for ty in group?.into_types() {
                            sections.types.push(match ty.composite_type.inner {
                                CompositeInnerType::Func(ty) => Some(ty),
                                _ => None,
                            });
                        }
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        if let TypeRef::Func(ty) | TypeRef::FuncExact(ty) = import.ty {
                            sections.functions.push(ty);
                        }
                        sections.imports.push(import);
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        sections.functions.push(ty?);
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        if export.name == "_start" && export.kind == ExternalKind::Func {
                            sections.start = Some(export.index);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(sections)
    }

    fn ty(&self, ty: u32) -> Option<&FuncType> {
        self.types.get(usize::try_from(ty).ok()?)?.as_ref()
    }
}

impl<T: Send + 'static> Adapter<T> {
    /// Reads a module, binary or as text, without compiling it.
    ///
    /// # Errors
    /// It is not valid for this engine, or would cost more to compile than [`CompileLimits`] have by default.
    pub fn inspect(&self, engine: &Engine, module: &[u8]) -> wasmtime::Result<Inspection> {
        let binary = wat::parse_bytes(module)?;
        // First: what costs much to compile costs much to validate.
        check_compile(&binary, &CompileLimits::default())?;
        Module::validate(engine, &binary)?;
        let sections = Sections::read(&binary)?;
        let mut resolver = self.resolver();
        let imports = sections.imports.iter().map(|import| {
            let ty = match import.ty {
                TypeRef::Func(ty) | TypeRef::FuncExact(ty) => sections.ty(ty),
                _ => None,
            };
            let number_ty = ty.and_then(|ty| wasmtime_type(engine, ty));
            let source = resolver.resolve(import.module, import.name, number_ty.as_ref());
            Import {
                module: import.module.to_owned(),
                name: import.name.to_owned(),
                ty: type_text(import.ty, ty),
                abi: source.and_then(Source::abi),
                in_linker: matches!(source, Some(Source::Linker)),
            }
        });
        let start = sections.start.and_then(|function| {
            let ty = sections.functions.get(usize::try_from(function).ok()?)?;
            sections.ty(*ty)
        });
        Ok(Inspection {
            imports: imports.collect(),
            is_command: start.is_some_and(|ty| ty.params().is_empty() && ty.results().is_empty()),
        })
    }
}

/// A type of numbers; no ABI has a function with others.
fn wasmtime_type(engine: &Engine, ty: &FuncType) -> Option<wasmtime::FuncType> {
    let number = |ty: &ValType| {
        Some(match ty {
            ValType::I32 => wasmtime::ValType::I32,
            ValType::I64 => wasmtime::ValType::I64,
            ValType::F32 => wasmtime::ValType::F32,
            ValType::F64 => wasmtime::ValType::F64,
            ValType::V128 | ValType::Ref(_) => return None,
        })
    };
    let params: Option<Vec<_>> = ty.params().iter().map(number).collect();
    let results: Option<Vec<_>> = ty.results().iter().map(number).collect();
    Some(wasmtime::FuncType::new(engine, params?, results?))
}

/// As the text format writes it.
fn type_text(reference: TypeRef, ty: Option<&FuncType>) -> String {
    let list = |word: &str, types: &[ValType]| {
        let types: String = types.iter().map(|ty| format!(" {ty}")).collect();
        if types.is_empty() {
            types
        } else {
            format!(" ({word}{types})")
        }
    };
    match (reference, ty) {
        (_, Some(ty)) => format!(
            "(func{}{})",
            list("param", ty.params()),
            list("result", ty.results())
        ),
        (TypeRef::Global(_), _) => "(global)".to_owned(),
        (TypeRef::Table(_), _) => "(table)".to_owned(),
        (TypeRef::Memory(_), _) => "(memory)".to_owned(),
        (TypeRef::Tag(_), _) => "(tag)".to_owned(),
        (TypeRef::Func(_) | TypeRef::FuncExact(_), None) => "(func)".to_owned(),
    }
}
