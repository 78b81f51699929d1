//! Iovec arrays in a guest's memory, as the WASI adapter reads them: any bytes, any offsets. Compared with the plain
//! reading of them, one buffer after the other.
//!
//! The adapter's sources are compiled in here without the rest of it: nothing below needs Wasmtime, and Wasmtime
//! takes minutes to instrument.
#![no_main]
#![expect(dead_code, reason = "the sources hold more than this target asks for")]

#[path = "../../crates/guest-wasi/src/p1/abi.rs"]
mod abi;
#[path = "../../crates/guest-wasi/src/p1/memory.rs"]
mod memory;

use guestnet_core::{Errno, Result};
use libfuzzer_sys::fuzz_target;
use memory::Memory;
use std::io::{IoSlice, IoSliceMut};
use std::ops::Range;

/// What `Memory` says it receives into at most where buffers overlap.
const BOUNCE: usize = 65_536;

/// The plain reading of an iovec array.
fn plain(memory: &[u8], array: u32, count: u32) -> Result<Vec<Range<usize>>> {
    if count > abi::MAX_IOVECS {
        return Err(Errno::EINVAL);
    }
    let word = |at: usize| -> Result<usize> {
        let bytes = memory.get(at..at + 4).ok_or(Errno::EFAULT)?;
        Ok(u32::from_le_bytes(bytes.try_into().expect("4 bytes")) as usize)
    };
    // The whole array is inside before a part of it counts.
    let end = array as usize + count as usize * 8;
    if end > memory.len() {
        return Err(Errno::EFAULT);
    }
    (0..count as usize)
        .map(|index| {
            let (offset, len) = (
                word(array as usize + index * 8)?,
                word(array as usize + index * 8 + 4)?,
            );
            match offset + len {
                _ if len == 0 => Ok(0..0),
                end if end <= memory.len() => Ok(offset..end),
                _ => Err(Errno::EFAULT),
            }
        })
        .collect()
}

fn overlap(ranges: &[Range<usize>]) -> bool {
    ranges.iter().enumerate().any(|(index, one)| {
        ranges[..index]
            .iter()
            .any(|other| one.start < other.end && other.start < one.end)
    })
}

/// The bytes that the kernel would have had.
fn pattern(index: usize) -> u8 {
    u8::try_from(index % 251).expect("below 251") ^ 0x5a
}

fuzz_target!(|data: &[u8]| {
    let Some((head, memory)) = data.split_first_chunk::<12>() else {
        return;
    };
    let number = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("4 bytes"));
    // Mostly inside, sometimes anywhere.
    let array = if number(0) % 8 == 0 {
        number(0)
    } else {
        number(0) % 64
    };
    let count = if number(4) % 8 == 0 {
        number(4)
    } else {
        number(4) % 16
    };
    let available = number(8) as usize % 100_000;

    let mut bytes = memory.to_vec();
    let expected = plain(memory, array, count);

    let gathered = Memory(&mut bytes).gather(array, count, |bufs: &mut [IoSlice<'_>]| {
        Ok(bufs
            .iter()
            .flat_map(|buf| buf.iter().copied())
            .collect::<Vec<u8>>())
    });
    let naive = expected.clone().map(|ranges| {
        ranges
            .into_iter()
            .flat_map(|range| memory[range].to_vec())
            .collect::<Vec<u8>>()
    });
    assert_eq!(gathered, naive);
    assert_eq!(bytes, memory, "sending changes nothing");

    let mut room = 0;
    let scattered = Memory(&mut bytes).scatter(array, count, |bufs: &mut [IoSliceMut<'_>]| {
        room = bufs.iter().map(|buf| buf.len()).sum();
        for (index, byte) in bufs
            .iter_mut()
            .flat_map(|buf| buf.iter_mut())
            .take(available)
            .enumerate()
        {
            *byte = pattern(index);
        }
        Ok((available.min(room), ()))
    });
    assert_eq!(scattered, expected.clone().map(drop));
    let mut model = memory.to_vec();
    if let Ok(ranges) = expected {
        let total: usize = ranges.iter().map(ExactSizeIterator::len).sum();
        assert_eq!(
            room,
            if overlap(&ranges) {
                total.min(BOUNCE)
            } else {
                total
            }
        );
        let mut stored = 0..available.min(room);
        for at in ranges.into_iter().flatten() {
            let Some(index) = stored.next() else { break };
            model[at] = pattern(index);
        }
    }
    assert!(
        bytes == model,
        "the bytes are where the plain reading puts them, and nowhere else"
    );

    let memory = Memory(&mut bytes);
    let (offset, len) = (number(4), number(8));
    assert_eq!(
        memory.check(offset, len).is_ok(),
        offset as usize + len as usize <= model.len()
    );
    assert_eq!(memory.u32(offset).is_ok(), offset as usize + 4 <= model.len());
    assert_eq!(memory.from(offset).is_ok(), (offset as usize) < model.len());
});
