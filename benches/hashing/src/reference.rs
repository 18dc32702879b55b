//! Argon2id by the C reference, as a library that is installed (`libargon2`). It chooses its code when it is built, not when it runs.
#![expect(unsafe_code, reason = "a C library is called")]

use std::error::Error;
use std::ffi::{c_int, c_void};

#[link(name = "argon2")]
unsafe extern "C" {
    fn argon2id_hash_raw(
        t_cost: u32,
        m_cost: u32,
        parallelism: u32,
        pwd: *const c_void,
        pwdlen: usize,
        salt: *const c_void,
        saltlen: usize,
        hash: *mut c_void,
        hashlen: usize,
    ) -> c_int;
}

/// Hashes, on one lane. It allocates for each hash.
pub(crate) fn hash(
    password: &[u8],
    salt: &[u8; 16],
    memory_kib: u32,
    passes: u32,
) -> Result<[u8; 32], Box<dyn Error>> {
    let mut output = [0_u8; 32];
    // SAFETY: this is how `argon2.h` declares it; the output, the password and the salt are as long as it is told, and live until it
    // returns.
    let failed = unsafe {
        argon2id_hash_raw(
            passes,
            memory_kib,
            1,
            password.as_ptr().cast(),
            password.len(),
            salt.as_ptr().cast(),
            salt.len(),
            output.as_mut_ptr().cast(),
            output.len(),
        )
    };
    if failed == 0 { Ok(output) } else { Err(format!("the C reference could not hash: {failed}").into()) }
}
