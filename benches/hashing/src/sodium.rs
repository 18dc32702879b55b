//! Argon2id by libsodium, which chooses its code for the processor as it starts.
#![expect(unsafe_code, reason = "a C library is called")]

use std::error::Error;
use std::ffi::{c_int, c_ulonglong};

/// Hashes. It takes neither a pepper nor memory of ours, and one lane only.
pub(crate) fn hash(
    password: &[u8],
    salt: &[u8; 16],
    memory_kib: u32,
    passes: u32,
) -> Result<[u8; 32], Box<dyn Error>> {
    let mut output = [0; 32];
    let algorithm = c_int::try_from(libsodium_sys::crypto_pwhash_ALG_ARGON2ID13)?;
    // SAFETY: `sodium_init` may be called by anybody at any time; the output, the password and the salt are as long as it is told (the
    // salt `crypto_pwhash_SALTBYTES`, 16), and live until it returns.
    let failed = unsafe {
        libsodium_sys::sodium_init() < 0
            || libsodium_sys::crypto_pwhash(
                output.as_mut_ptr(),
                output.len() as c_ulonglong,
                password.as_ptr().cast(),
                password.len() as c_ulonglong,
                salt.as_ptr(),
                c_ulonglong::from(passes),
                memory_kib as usize * 1024,
                algorithm,
            ) != 0
    };
    if failed { Err("libsodium could not hash".into()) } else { Ok(output) }
}
