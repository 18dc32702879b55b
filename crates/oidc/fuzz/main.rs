//! Fuzzes the target that `FUZZ_TARGET` names: see `scripts/fuzz`.
#![no_main]

use std::sync::LazyLock;

#[path = "mod.rs"]
mod targets;

static RUN: LazyLock<fn(&[u8]) -> bool> = LazyLock::new(|| {
    match std::env::var("FUZZ_TARGET").as_deref() {
        Ok("authorization_request") => targets::authorization_request::run,
        Ok("client_assertion") => targets::client_assertion::run,
        Ok("logout_request") => targets::logout_request::run,
        Ok("token_request") => targets::token_request::run,
        other => panic!("FUZZ_TARGET is {other:?}: it has to name a file beside this one"),
    }
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    (*RUN)(data);
});
