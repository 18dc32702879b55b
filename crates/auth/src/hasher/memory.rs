//! The memory of one hashing thread: made once, used again for every hash, wiped when nobody waits.

use argon2::Block;
use zeroize::Zeroize as _;

use super::huge_pages;

/// Blocks of 1 KiB. Allocating for each hash would have the allocator hold hundreds of megabytes, and the system clear every
/// page anew.
#[derive(Debug, Default)]
pub(super) struct Memory {
    blocks: Vec<Block>,
    /// How many of them hold what was computed from a password.
    used: usize,
}

impl Memory {
    /// `count` blocks, with whatever is in them: Argon2 writes each before it reads it.
    pub(super) fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.blocks.len() < count {
            // What is there is given back first, so that the two are never held at once.
            self.wipe();
            self.blocks = Vec::new();
            self.blocks.reserve_exact(count);
            huge_pages::advise(self.blocks.spare_capacity_mut());
            self.blocks.resize(count, Block::new());
        }
        self.used = self.used.max(count);
        &mut self.blocks[..count]
    }

    /// Whether something of a password is left in it.
    pub(super) fn is_used(&self) -> bool {
        self.used > 0
    }

    /// Overwrites what was computed from passwords.
    pub(super) fn wipe(&mut self) {
        for block in &mut self.blocks[..self.used] {
            block.zeroize();
        }
        self.used = 0;
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.wipe();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_reused_grows_and_is_wiped() {
        let mut memory = Memory::default();
        memory.blocks(8)[7].as_mut().fill(7);
        let place = memory.blocks(4).as_ptr();
        assert_eq!(memory.blocks(8)[7].as_ref()[0], 7, "the same memory, as it was left");
        assert_eq!(memory.blocks(8).as_ptr(), place);
        memory.wipe();
        assert!(!memory.is_used());
        assert!(memory.blocks(8).iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
        assert_eq!(memory.blocks(4096).len(), 4096);
        assert_eq!(memory.blocks.len(), 4096);
    }
}
