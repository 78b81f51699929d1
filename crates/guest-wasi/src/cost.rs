//! What a module, or all modules of a component, would cost to compile, estimated before it is compiled.
//!
//! A compiler holds a function as values and blocks, and a few bytes of WebAssembly can stand for thousands of them: a
//! loop of the type [i32 × 1000] → [i32 × 1000] is three bytes, and two thousand values. [`check_compile`] goes over
//! the operators once, without a compiler, and adds up what Cranelift would hold for them. It is not exact, and need not
//! be: programs of real toolchains cost some hundred times their size, and such a module a million times.
//!
//! Not here: how often a component instantiates its modules (`instances`), and whether the module is valid. What is not readable is
//! left to the compiler, which refuses it.

use wasmparser::{
    BinaryReaderError, BlockType, CompositeInnerType, DataKind, ElementItems, ElementKind, FunctionBody,
    Operator, Parser, Payload, TypeRef,
};

use crate::instances::check_instances;

// Each is what Cranelift was measured to take, in bytes; where it takes time rather than memory, a second stands for 256
// MiB.

/// An operator: an instruction, its value, and where both are kept.
const OPERATOR: u64 = 250;
/// A value that a block takes, or that a jump or a call passes on.
const PASSED: u64 = 1_000;
/// A value that a block takes, in each other block: where it lives is found out block by block.
const TAKEN_IN_BLOCK: u64 = 8;
/// A local that a loop reads: the loop takes it as a value, and tries to do without it.
const READ_IN_LOOP: u64 = 1_000;
/// A local, in each block: the table of what it stands for.
const LOCAL_IN_BLOCK: u64 = 4;
/// A local that is declared.
const LOCAL: u64 = 100;
/// A function, however small.
const FUNCTION: u64 = 25_000;
/// An element of a table, or a function that a segment names.
const ELEMENT: u64 = 16;
/// Memories are laid out beforehand up to this size, wherever in them the data is (Wasmtime's
/// `memory_guaranteed_dense_image_size`).
const IMAGE: u64 = 16 << 20;
/// Tables are laid out beforehand up to this many elements.
const TABLE: u64 = 1 << 20;

/// How much a module may cost to compile, in bytes of memory as [`check_compile`] estimates them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]

pub struct CompileLimits {
    /// What one function may cost; and all tables and data together. A compiler that uses several threads holds one
    /// function for each.
    pub function: u64,
    /// What all functions may cost together. They are not held at the same time: this bounds the time.
    pub module: u64,
}

impl Default for CompileLimits {
    /// What no program of a real toolchain reaches, of a hundred megabytes either: 1 GiB a function, 64 GiB in all.
    fn default() -> Self {
        CompileLimits {
            function: 1 << 30,
            module: 64 << 30,
        }
    }
}

/// Refuses a module or a component, binary or as text, that would cost too much to compile, and a component whose instances would
/// take too much outside of their memories, which no limit of the guest's counts.
///
/// It takes no more time than reading the module, needs no process of its own, and is to be called before
/// [`wasmtime::Module::new`]. It knows the ways in which a few bytes become much; an embedder that compiles modules of strangers also
/// bounds the compiler itself, as `guestnet run` does with a process that may have only so much memory and time.
///
/// # Errors
/// A sentence on what would cost too much, such as the function's number. The text format's own errors.
pub fn check_compile(module: &[u8], limits: &CompileLimits) -> wasmtime::Result<()> {
    let binary = wat::parse_bytes(module).map_err(wasmtime::Error::from)?;
    check_instances(&binary).map_err(wasmtime::Error::msg)?;
    let mut cost = Cost {
        limits: *limits,
        ..Cost::default()
    };
    // What is around the module that is being read: a component has modules, and components with more of them.
    let mut around = Vec::new();
    for payload in Parser::new(0).parse_all(&binary) {
        // Not a module, or cut off: the compiler says what is wrong.
        let Ok(payload) = payload else { return Ok(()) };
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                around.push(std::mem::take(&mut cost.module));
            }
            Payload::End(_) => cost.module = around.pop().unwrap_or_default(),
            _ => {}
        }
        // A section that cannot be read has no cost of its own; those behind it have.
        if let Ok(Some(refusal)) = cost.payload(&payload) {
            return Err(wasmtime::Error::msg(refusal));
        }
    }
    Ok(())
}

/// What is known so far.
#[derive(Default)]
struct Cost {
    limits: CompileLimits,
    module: Indices,
    /// All functions.
    total: u64,
    /// What is laid out beforehand.
    held: u64,
}

/// What the numbers in one module stand for.
#[derive(Default)]
struct Indices {
    /// Parameters and results of each type; of one that is no function's none.
    types: Vec<Arity>,
    /// The type of each function, imported ones first.
    functions: Vec<u32>,
    /// How many bodies have been seen, and how many functions are imported.
    bodies: usize,
    imported: usize,
    /// How far the data of each memory goes.
    memories: Vec<u64>,
}

#[derive(Clone, Copy, Default)]
struct Arity {
    params: u64,
    results: u64,
}

impl Arity {
    fn both(self) -> u64 {
        self.params + self.results
    }
}

/// One block, loop or if that is open.
struct Frame {
    arity: Arity,
    /// Values that a jump to it passes.
    label: u64,
    is_loop: bool,
}

type Verdict = Result<Option<String>, BinaryReaderError>;

impl Cost {
    fn payload(&mut self, payload: &Payload<'_>) -> Verdict {
        match payload {
            Payload::TypeSection(section) => {
                for group in section.clone() {
                    for ty in group?.into_types() {
                        let arity = match ty.composite_type.inner {
                            CompositeInnerType::Func(ty) => Arity {
                                params: count(ty.params().len()),
                                results: count(ty.results().len()),
                            },
                            _ => Arity::default(),
                        };
                        self.module.types.push(arity);
                    }
                }
            }
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    match import?.ty {
                        TypeRef::Func(ty) | TypeRef::FuncExact(ty) => self.module.functions.push(ty),
                        TypeRef::Memory(_) => self.module.memories.push(0),
                        _ => {}
                    }
                }
                self.module.imported = self.module.functions.len();
            }
            Payload::FunctionSection(section) => {
                for ty in section.clone() {
                    self.module.functions.push(ty?);
                }
            }
            Payload::TableSection(section) => {
                for table in section.clone() {
                    let elements = table?.ty.initial.min(TABLE);
                    self.hold(elements.saturating_mul(ELEMENT));
                }
            }
            Payload::MemorySection(section) => {
                self.module
                    .memories
                    .extend(section.clone().into_iter().map(|_| 0));
            }
            Payload::ElementSection(section) => {
                for segment in section.clone() {
                    let segment = segment?;
                    let items = match segment.items {
                        ElementItems::Functions(items) => items.count(),
                        ElementItems::Expressions(_, items) => items.count(),
                    };
                    let mut elements = u64::from(items);
                    if let ElementKind::Active { offset_expr, .. } = segment.kind {
                        elements += offset(&offset_expr).min(TABLE);
                    }
                    self.hold(elements.saturating_mul(ELEMENT));
                }
            }
            Payload::DataSection(section) => {
                for segment in section.clone() {
                    let segment = segment?;
                    self.hold(count(segment.data.len()).saturating_mul(4));
                    if let DataKind::Active {
                        memory_index,
                        offset_expr,
                    } = segment.kind
                    {
                        let end = offset(&offset_expr).saturating_add(count(segment.data.len()));
                        if let Some(reach) = self.module.memories.get_mut(index(memory_index)) {
                            // What is laid out is written several times over on its way into the product.
                            let grown = end.min(IMAGE).saturating_sub(*reach);
                            *reach += grown;
                            self.hold(grown.saturating_mul(4));
                        }
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                let number = self.module.imported + self.module.bodies;
                self.module.bodies += 1;
                let ty = self.module.functions.get(number).copied().unwrap_or(u32::MAX);
                let cost = self.function(ty, body);
                if cost > self.limits.function {
                    return Ok(Some(format!(
                        "function {number} of it would take more than {} of memory",
                        size(self.limits.function)
                    )));
                }
                self.add(cost);
            }
            _ => {}
        }
        if self.held > self.limits.function {
            return Ok(Some(format!(
                "its tables and data would take more than {} of memory",
                size(self.limits.function)
            )));
        }
        Ok((self.total > self.limits.module).then(|| {
            format!(
                "its functions would take more than {} of memory, one after the other",
                size(self.limits.module)
            )
        }))
    }

    fn hold(&mut self, cost: u64) {
        self.held = self.held.saturating_add(cost);
    }

    fn add(&mut self, cost: u64) {
        self.total = self.total.saturating_add(cost);
    }

    fn of_type(&self, ty: u32) -> Arity {
        self.module.types.get(index(ty)).copied().unwrap_or_default()
    }

    fn of_function(&self, function: u32) -> Arity {
        let ty = self.module.functions.get(index(function)).copied();
        ty.map_or_else(Arity::default, |ty| self.of_type(ty))
    }

    fn of_block(&self, ty: BlockType) -> Arity {
        match ty {
            BlockType::Empty => Arity::default(),
            BlockType::Type(_) => Arity {
                params: 0,
                results: 1,
            },
            BlockType::FuncType(ty) => self.of_type(ty),
        }
    }

    /// What one function costs; what is above the limit is not looked at any more. A function that is not valid costs what
    /// there is of it: a compiler may be busy with others when it finds out.
    fn function(&self, ty: u32, body: &FunctionBody<'_>) -> u64 {
        let mut tally = Tally::default();
        // What cannot be read ends it.
        let _ = self.operators(self.of_type(ty), body, &mut tally);
        tally.cost()
    }

    fn operators(
        &self,
        own: Arity,
        body: &FunctionBody<'_>,
        tally: &mut Tally,
    ) -> Result<(), BinaryReaderError> {
        tally.locals = own.params;
        for local in body.get_locals_reader()? {
            tally.locals = tally.locals.saturating_add(u64::from(local?.0));
        }
        let mut frames = vec![Frame {
            arity: own,
            label: own.results,
            is_loop: false,
        }];
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            tally.operators += 1;
            self.operator(&operators.read()?, &mut frames, tally);
            if tally.cost() > self.limits.function {
                break;
            }
        }
        Ok(())
    }

    fn operator(&self, operator: &Operator<'_>, frames: &mut Vec<Frame>, tally: &mut Tally) {
        // Of a label that there is not, nothing: the module is not valid.
        let label = |depth: u32| {
            let place = frames.len().checked_sub(index(depth).saturating_add(1));
            place
                .and_then(|place| frames.get(place))
                .map_or(0, |frame| frame.label)
        };
        match operator {
            Operator::Block { blockty } | Operator::If { blockty } => {
                let arity = self.of_block(*blockty);
                tally.block(arity.both());
                frames.push(Frame {
                    arity,
                    label: arity.results,
                    is_loop: false,
                });
            }
            Operator::Loop { blockty } => {
                let arity = self.of_block(*blockty);
                tally.block(arity.both());
                tally.loops += 1;
                tally.open.push(tally.loops);
                frames.push(Frame {
                    arity,
                    label: arity.params,
                    is_loop: true,
                });
            }
            Operator::TryTable { try_table } => {
                let arity = self.of_block(try_table.ty);
                tally.block(arity.both());
                for _ in &try_table.catches {
                    tally.block(1);
                }
                frames.push(Frame {
                    arity,
                    label: arity.results,
                    is_loop: false,
                });
            }
            Operator::LocalGet { local_index } => tally.local_read(*local_index),
            Operator::Else => {
                let params = frames.last().map_or(0, |frame| frame.arity.params);
                tally.block(params);
            }
            Operator::End => {
                // What is on the stack is passed to what follows.
                if let Some(frame) = frames.pop() {
                    tally.passed = tally.passed.saturating_add(frame.arity.results);
                    if frame.is_loop {
                        tally.open.pop();
                    }
                }
            }
            Operator::Br { relative_depth }
            | Operator::BrIf { relative_depth }
            | Operator::BrOnNull { relative_depth }
            | Operator::BrOnNonNull { relative_depth }
            | Operator::BrOnCast { relative_depth, .. }
            | Operator::BrOnCastFail { relative_depth, .. } => {
                let passed = label(*relative_depth);
                tally.block(0);
                tally.passed = tally.passed.saturating_add(passed);
            }
            Operator::BrTable { targets } => {
                let passed = label(targets.default());
                let ways = u64::from(targets.len()) + 1;
                tally.operators = tally.operators.saturating_add(ways);
                // A block of its own for each way, which passes the values on.
                if passed > 0 {
                    tally.blocks = tally.blocks.saturating_add(ways);
                    tally.passed = tally.passed.saturating_add(ways.saturating_mul(passed));
                }
            }
            Operator::Return => {
                let passed = frames.first().map_or(0, |frame| frame.arity.results);
                tally.passed = tally.passed.saturating_add(passed);
            }
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                let passed = self.of_function(*function_index).both();
                tally.passed = tally.passed.saturating_add(passed);
            }
            Operator::CallIndirect { type_index, .. }
            | Operator::ReturnCallIndirect { type_index, .. }
            | Operator::CallRef { type_index }
            | Operator::ReturnCallRef { type_index } => {
                let passed = self.of_type(*type_index).both();
                tally.passed = tally.passed.saturating_add(passed);
            }
            _ => {}
        }
    }
}

/// What is counted of one function.
#[derive(Default)]
struct Tally {
    locals: u64,
    operators: u64,
    blocks: u64,
    /// Values that blocks take, as their parameters.
    taken: u64,
    /// Values that jumps and calls pass.
    passed: u64,
    /// Locals that loops read: each local once for each loop around it.
    read: u64,
    /// How many loops have begun, and the numbers of those that are open, from 1 on.
    loops: u64,
    open: Vec<u64>,
    /// The innermost loop that was open when each local was last read.
    last_read: Vec<u64>,
}

impl Tally {
    fn local_read(&mut self, local: u32) {
        let Some(innermost) = self.open.last() else { return };
        let local = index(local);
        // A number that there is not makes no larger list than one that there is.
        if count(local) >= self.locals {
            return;
        }
        if self.last_read.len() <= local {
            self.last_read.resize(local + 1, 0);
        }
        let Some(last) = self.last_read.get_mut(local) else {
            return;
        };
        // Loops are numbered as they begin: one that is open and has a smaller number was open then, too.
        let new = self.open.iter().rev().take_while(|number| *number > last).count();
        self.read = self.read.saturating_add(count(new));
        *last = *innermost;
    }

    fn block(&mut self, taken: u64) {
        self.blocks = self.blocks.saturating_add(2);
        self.taken = self.taken.saturating_add(taken);
    }

    fn cost(&self) -> u64 {
        let parts = [
            FUNCTION,
            self.operators.saturating_mul(OPERATOR),
            self.taken.saturating_add(self.passed).saturating_mul(PASSED),
            self.taken
                .saturating_mul(self.blocks)
                .saturating_mul(TAKEN_IN_BLOCK),
            self.read.saturating_mul(READ_IN_LOOP),
            self.locals.saturating_mul(LOCAL),
            self.locals
                .saturating_mul(self.blocks)
                .saturating_mul(LOCAL_IN_BLOCK),
        ];
        parts.into_iter().fold(0, u64::saturating_add)
    }
}

/// Where a segment begins, if that is a constant.
fn offset(expression: &wasmparser::ConstExpr<'_>) -> u64 {
    match expression.get_operators_reader().read() {
        Ok(Operator::I32Const { value }) => u64::from(value.cast_unsigned()),
        Ok(Operator::I64Const { value }) => value.cast_unsigned(),
        _ => 0,
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// In whole mebibytes.
fn size(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A function `[i32 × arity] → [i32 × arity]` with this many nested loops of that type: three bytes each.
    fn loops(count: usize, arity: usize) -> String {
        let list = "i32 ".repeat(arity);
        let begin = "loop (type 0) ".repeat(count);
        let end = "end ".repeat(count);
        let get: String = (0..arity).map(|local| format!("local.get {local} ")).collect();
        format!("(module (type (func (param {list}) (result {list}))) (func (type 0) {get} {begin} {end}))")
    }

    fn refusal(module: &str) -> String {
        let error = check_compile(module.as_bytes(), &CompileLimits::default());
        error.expect_err("it must be refused").to_string()
    }

    fn check(module: &str) {
        check_compile(module.as_bytes(), &CompileLimits::default()).expect("it costs little");
    }

    #[test]
    fn loops_with_many_values_are_refused_and_a_few_are_not() {
        assert_eq!(
            refusal(&loops(2_000, 1_000)),
            "function 0 of it would take more than 1024 MiB of memory"
        );
        check(&loops(20, 1_000));
        check(&loops(2_000, 1));
    }

    #[test]
    fn locals_that_many_loops_read_are_refused() {
        let module = |loops: usize, locals: usize| {
            let reads: String = (0..locals)
                .map(|local| format!("local.get {local} drop "))
                .collect();
            format!(
                "(module (func (local {}) {} {reads} {reads} {}))",
                "i32 ".repeat(locals),
                "loop ".repeat(loops),
                "end ".repeat(loops)
            )
        };
        assert!(refusal(&module(2_000, 2_000)).starts_with("function 0 of it"));
        check(&module(100, 2_000));
        check(&module(2_000, 100));
        // One after the other, and not one in the other.
        let each = "loop local.get 0 drop end ".repeat(10_000);
        check(&format!("(module (func (local i32) {each}))"));
    }

    #[test]
    fn jumps_and_calls_of_many_values_are_refused() {
        let list = "i32 ".repeat(1_000);
        for operators in ["call 0 ", "local.get 0 br_if 0 "] {
            let get: String = (0..1_000).map(|local| format!("local.get {local} ")).collect();
            let module = format!(
                "(module (func (param {list}) (result {list}) {get} {}))",
                operators.repeat(2_000)
            );
            assert!(refusal(&module).starts_with("function 0 of it"), "{operators}");
        }
        let ways = "0 ".repeat(20_000);
        let module = format!("(module (func (param {list}) (result {list}) unreachable br_table {ways}))");
        assert!(refusal(&module).starts_with("function 0 of it"));
    }

    #[test]
    fn many_functions_of_many_locals_are_refused_together() {
        let function = format!("(func (local {}))", "i32 ".repeat(1_000));
        let limits = CompileLimits {
            module: 100 << 20,
            ..CompileLimits::default()
        };
        let few = format!("(module {})", function.repeat(500));
        check_compile(few.as_bytes(), &limits).expect("they cost little");
        let many = format!("(module {})", function.repeat(2_000));
        let refusal = check_compile(many.as_bytes(), &limits).expect_err("they cost much");
        assert_eq!(
            refusal.to_string(),
            "its functions would take more than 100 MiB of memory, one after the other"
        );
    }

    #[test]
    fn tables_that_are_laid_out_beforehand_count_together() {
        let table = "(table 1000000 funcref) ";
        assert_eq!(
            refusal(&format!("(module {})", table.repeat(90))),
            "its tables and data would take more than 1024 MiB of memory"
        );
        check(&format!("(module {})", table.repeat(20)));
    }

    #[test]
    fn each_module_of_a_component_is_read_by_its_own_numbers() {
        let within = |module: &str| {
            let module = module.replacen("(module", "(core module", 1);
            format!(r#"(component (core module (type (func))) {module} (component {module} (core module)))"#)
        };
        assert_eq!(
            refusal(&within(&loops(2_000, 1_000))),
            refusal(&loops(2_000, 1_000))
        );
        check(&within(&loops(20, 10)));
    }

    #[test]
    fn a_function_that_is_not_valid_hides_none_behind_it() {
        // Its body is one byte that is no operator, in place of `(func)`.
        let module = loops(2_000, 1_000).replace("(func (type 0)", "(func unreachable) (func (type 0)");
        let mut binary = wat::parse_str(module).expect("it is valid").clone();
        let at = binary.windows(4).position(|bytes| bytes == [3, 0, 0, 0x0b]);
        let operator = at.expect("the first body") + 2;
        *binary.get_mut(operator).expect("its operator") = 0xff;
        let refused = check_compile(&binary, &CompileLimits::default()).expect_err("it must be refused");
        assert!(refused.to_string().starts_with("function 1 of it"), "{refused}");
    }

    #[test]
    fn what_is_no_module_is_left_to_the_compiler() {
        for bytes in [
            &b""[..],
            b"\0asm\x01\0\0\0\x01",
            b"\0asm\x01\0\0\0\x0a\xff\xff\xff\xff\x0f",
            b"\x7fELF",
        ] {
            let checked = check_compile(bytes, &CompileLimits::default());
            // The text format's reader has its own word for what is neither.
            assert!(checked.is_ok() || wat::parse_bytes(bytes).is_err(), "{bytes:?}");
        }
        // A label, a type and a local that there are not.
        check("(module)");
        let module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x0f\x01\x0d\0\x03\x09\x0c\xff\xff\x03\x20\xff\xff\x03\x10\x63\x0b";
        check_compile(module, &CompileLimits::default()).expect("nothing that costs");
    }
}
