//! The fuzz targets of `fuzz/`, run over their seeds and what a thousand fixed mutations make of each.

use std::{fs, path::Path};

use crate::fuzz;

/// Mutations that fuzzers try, chosen by a fixed sequence, so that a failure comes again.
struct Mutator(u64);

impl Mutator {
    /// Marsaglia's xorshift.
    fn next(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    fn mutate(&mut self, data: &mut Vec<u8>) {
        const PIECES: [&[u8]; 16] = [
            b"&",
            b"=",
            b"%",
            b"%00",
            b"%0A",
            b"+",
            b"\\",
            b"@evil.example",
            b"/../",
            b"#",
            b"?x",
            b"\xff",
            b"..;/",
            b".",
            b"&redirect_uri=https://evil.example",
            b"&state=x",
        ];
        let at = self.next(data.len());
        match self.next(6) {
            0 if !data.is_empty() => data[at] ^= 1 << self.next(8),
            1 if !data.is_empty() => drop(data.remove(at)),
            2 => data.truncate(at),
            3 => {
                let again = data[at.min(data.len())..].to_vec();
                data.extend(again);
            }
            4 => data.rotate_left(at),
            _ => {
                let piece = PIECES[self.next(PIECES.len())];
                data.splice(at..at, piece.iter().copied());
            }
        }
    }
}

/// Every seed itself, then its mutations one upon the other, begun anew every tenth. How many seeds did what they are for?
fn smoke(target: &str, run: fn(&[u8]) -> bool) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut seeds: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    let mut reached = 0;
    for path in seeds {
        let seed = fs::read(&path).unwrap();
        reached += usize::from(run(&seed));
        let mut mutator = Mutator(0x9E37_79B9_7F4A_7C15);
        let mut data = seed.clone();
        for round in 0..1_000 {
            if round % 10 == 0 {
                data.clone_from(&seed);
            }
            mutator.mutate(&mut data);
            run(&data);
        }
    }
    reached
}

#[test]
fn fuzz_authorization_request() {
    assert_eq!(smoke("authorization_request", fuzz::authorization_request::run), 3);
}

#[test]
fn fuzz_token_request() {
    assert_eq!(smoke("token_request", fuzz::token_request::run), 3);
}

#[test]
fn fuzz_client_assertion() {
    assert_eq!(smoke("client_assertion", fuzz::client_assertion::run), 5);
}

#[test]
fn fuzz_logout_request() {
    assert_eq!(smoke("logout_request", fuzz::logout_request::run), 2);
}
