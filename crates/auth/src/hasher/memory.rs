//! The memory of one hash: made once, used again for others, wiped when nobody waits.

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
    /// KiB that whoever has it may use, these blocks and others together.
    room: usize,
}

impl Memory {
    /// KiB that it holds.
    pub(super) fn kib(&self) -> usize {
        self.blocks.len()
    }

    /// It may use so many KiB from now on.
    pub(super) fn with_room(mut self, room: usize) -> Self {
        self.room = room;
        self
    }

    /// KiB that it may use.
    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// Before somebody else allocates so many KiB: gives the blocks back, if both together would be more than may be used.
    pub(super) fn make_room(&mut self, kib: usize) {
        if self.blocks.len() + kib > self.room {
            self.wipe();
            self.blocks = Vec::new();
        }
    }

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
    fn it_is_given_back_where_both_are_too_much() {
        let mut memory = Memory::default().with_room(12);
        memory.blocks(8);
        memory.make_room(4);
        assert_eq!(memory.kib(), 8);
        memory.make_room(5);
        assert_eq!((memory.kib(), memory.is_used()), (0, false));
    }

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
