//! [`MemoryLimit`]: how much memory a module may have. A growth that is refused is -1 to the guest, as when a machine is full.

use std::fmt;

use wasmtime::ResourceLimiter;

/// What a module may have when nothing is said: all that 32-bit code can address.
pub const DEFAULT_MAX_MEMORY: u64 = 4 << 30;

/// Elements in all tables of a guest. Large Go programs have about 200,000; this many cost 32 MiB.
const MAX_TABLE_ELEMENTS: usize = 1 << 22;

/// Core instances of a guest, of which a component may have many. What they have outside of their memories, such as a million
/// global variables each, is bounded by `guestnet_wasi::check_compile` beforehand. Components that link a language's runtime from
/// shared libraries have up to about 50.
const MAX_INSTANCES: usize = 256;

/// Counts what all memories and tables of one guest have together, for [`wasmtime::Store::limiter`].
///
/// Only what is granted counts. What is granted and then fails for lack of real memory stays counted: Wasmtime reports
/// failures that were never asked about through the same call, so that taking a growth back would open a way round.
#[derive(Debug)]
pub struct MemoryLimit {
    max_memory: u64,
    memory: u64,
    elements: usize,
    /// The first amount of memory that was refused.
    refused: Option<u64>,
}

/// A growth of memory that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRefusal {
    /// How much the module would have had, in bytes.
    pub wanted: u64,
    /// How much it may have.
    pub most: u64,
}

impl fmt::Display for MemoryRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MemoryRefusal { wanted, most } = self;
        write!(f, "needs {wanted} bytes of memory to start, and may have {most}")
    }
}

impl MemoryLimit {
    /// So many bytes, of all memories together.
    #[must_use]
    pub fn new(max_memory: u64) -> Self {
        MemoryLimit {
            max_memory,
            memory: 0,
            elements: 0,
            refused: None,
        }
    }

    /// The first refusal, if there was one: why a module could not be instantiated.
    #[must_use]
    pub fn refusal(&self) -> Option<MemoryRefusal> {
        Some(MemoryRefusal {
            wanted: self.refused?,
            most: self.max_memory,
        })
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Beyond its own maximum a growth fails anyway, and must not count.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let growth = desired.saturating_sub(current) as u64;
        let wanted = self.memory.saturating_add(growth);
        if wanted > self.max_memory {
            self.refused.get_or_insert(wanted);
            return Ok(false);
        }
        self.memory = wanted;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let wanted = self.elements.saturating_add(desired.saturating_sub(current));
        if wanted > MAX_TABLE_ELEMENTS {
            return Ok(false);
        }
        self.elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 65_536;

    #[test]
    fn all_memories_count_together() {
        let mut limit = MemoryLimit::new(3 * PAGE as u64);
        assert!(limit.memory_growing(0, PAGE, None).unwrap());
        assert!(limit.memory_growing(0, PAGE, None).unwrap());
        assert!(!limit.memory_growing(PAGE, 3 * PAGE, None).unwrap());
        assert!(limit.memory_growing(PAGE, 2 * PAGE, None).unwrap());
        assert!(!limit.memory_growing(0, 1, None).unwrap());
        let page = PAGE as u64;
        let refusal = MemoryRefusal {
            wanted: 4 * page,
            most: 3 * page,
        };
        assert_eq!(limit.refusal(), Some(refusal));
    }

    #[test]
    fn a_growth_beyond_the_memorys_own_maximum_does_not_count() {
        let mut limit = MemoryLimit::new(2 * PAGE as u64);
        assert!(!limit.memory_growing(PAGE, 2 * PAGE, Some(PAGE)).unwrap());
        assert_eq!(limit.refusal(), None);
        assert!(limit.memory_growing(0, 2 * PAGE, Some(2 * PAGE)).unwrap());
    }

    #[test]
    fn a_failure_that_was_not_asked_about_gives_nothing_back() {
        let mut limit = MemoryLimit::new(PAGE as u64);
        assert!(limit.memory_growing(0, PAGE, None).unwrap());
        limit
            .memory_grow_failed(wasmtime::Error::msg("beyond the memory's type"))
            .unwrap();
        assert!(!limit.memory_growing(PAGE, 2 * PAGE, None).unwrap());
    }

    #[test]
    fn tables_are_bounded() {
        let mut limit = MemoryLimit::new(0);
        assert!(limit.table_growing(0, MAX_TABLE_ELEMENTS, None).unwrap());
        assert!(!limit.table_growing(0, 1, None).unwrap());
        assert_eq!(limit.refusal(), None);
    }
}
