//! Asks Linux to back the memory of a hash with pages of 2 MiB.
//!
//! Argon2 jumps through its memory at random. With pages of 4 KiB nearly every jump misses the processor's table of
//! addresses; what that costs here ADR 5 says. Nothing but `madvise` asks for larger ones where the system leaves it
//! to each program (`transparent_hugepage/enabled` is `madvise`, the usual setting), and it is unsafe to call in every
//! binding, since other advice can throw memory away. This advice cannot.
#![expect(unsafe_code, reason = "madvise has no safe form")]

use std::mem::MaybeUninit;

/// Asks for huge pages for as much of `memory` as is whole pages. Best before it is touched. A system that cannot, or will
/// not, changes nothing.
#[cfg(target_os = "linux")]
pub(super) fn advise<T>(memory: &mut [MaybeUninit<T>]) {
    let page = rustix::param::page_size();
    let bytes = size_of_val(memory);
    let begin = memory.as_mut_ptr().cast::<u8>();
    // From the first page boundary on.
    let skip = begin.align_offset(page);
    let length = bytes.saturating_sub(skip) / page * page;
    if length == 0 {
        return;
    }
    // SAFETY: `begin + skip` and the `length` bytes after it lie within `memory`, which is ours alone while it is borrowed;
    // MADV_HUGEPAGE neither reads, writes, moves nor frees what lies there.
    let refused =
        unsafe { rustix::mm::madvise(begin.add(skip).cast(), length, rustix::mm::Advice::LinuxHugepage) };
    if let Err(error) = refused {
        tracing::debug!(%error, "no huge pages for password hashing");
    }
}

/// Elsewhere there is nothing to ask.
#[cfg(not(target_os = "linux"))]
pub(super) fn advise<T>(_memory: &mut [MaybeUninit<T>]) {}
