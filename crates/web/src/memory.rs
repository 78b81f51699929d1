//! [`ProgramMemory`]: the memory of the program, which is another WebAssembly memory than this module's.

use guestnet_emscripten::{CopiedMemory, MemoryAccess};

use crate::imports;

/// The memory that the call which runs was given.
#[derive(Debug)]
struct ProgramMemory;

impl MemoryAccess for ProgramMemory {
    fn size(&self) -> u32 {
        imports::memory_size()
    }

    fn read(&self, at: u32, bytes: &mut [u8]) {
        imports::memory_read(at, bytes);
    }

    fn write(&self, at: u32, bytes: &[u8]) {
        imports::memory_write(at, bytes);
    }
}

/// The memory of the program, copied.
pub(crate) fn program_memory() -> CopiedMemory<'static> {
    CopiedMemory::new(&ProgramMemory)
}
