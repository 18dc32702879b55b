//! Gives back the memory of code that only the start ran.
//!
//! A start reads the configuration, makes tables, parses templates and certificates; then most of that code is not run again for
//! days. Its pages stay mapped for as long as nobody else wants the memory, and count as ours wherever memory is counted. Linux
//! maps a page again as soon as it is run (from its cache, in microseconds), so it is asked to forget them all, once: what stays is
//! what serving takes.
#![cfg_attr(target_os = "linux", expect(unsafe_code, reason = "madvise has no safe form"))]

/// Asks the system to unmap the code of this program until it is run again. How many bytes of code that is; none where it cannot be
/// asked, which changes nothing.
#[cfg(target_os = "linux")]
pub fn give_back() -> usize {
    let Ok(program) = std::fs::read_link("/proc/self/exe") else { return 0 };
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return 0 };
    let mut given_back = 0;
    for (begin, length) in maps.lines().filter_map(|line| code_of(line, &program.to_string_lossy())) {
        // SAFETY: the range is one mapping of a file, private and never writable, as the system has just told, and code is never
        // unmapped; so every page holds what the file holds, and is read from there again when it is next run.
        let asked = unsafe {
            rustix::mm::madvise(
                std::ptr::with_exposed_provenance_mut(begin),
                length,
                rustix::mm::Advice::LinuxDontNeed,
            )
        };
        match asked {
            Ok(()) => given_back += length,
            Err(error) => tracing::debug!(%error, "the memory of code was not given back"),
        }
    }
    given_back
}

/// Elsewhere there is nothing to ask.
#[cfg(not(target_os = "linux"))]
pub fn give_back() -> usize {
    0
}

/// Begin and length of a mapping, if it is code of this program: `55d0c0600000-55d0c1a00000 r-xp 006a9000 fe:00 123  /usr/bin/x`
/// (`proc_pid_maps(5)`).
#[cfg(target_os = "linux")]
fn code_of(line: &str, program: &str) -> Option<(usize, usize)> {
    let mut fields = line.splitn(6, ' ');
    let (begin, end) = fields.next()?.split_once('-')?;
    let is_code = fields.next()? == "r-xp";
    let path = fields.nth(3)?.trim_start();
    let (begin, end) = (usize::from_str_radix(begin, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
    (is_code && path == program).then(|| (begin, end.saturating_sub(begin)))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_back_runs_on() {
        assert!(give_back() > 100_000);
        assert!(give_back() > 100_000, "and again");
    }

    #[test]
    fn nothing_but_this_program_s_code_is_touched() {
        let code = "7f10-7f30 r-xp 006a9000 fe:00 123                        /usr/bin/a b";
        assert_eq!(code_of(code, "/usr/bin/a b"), Some((0x7f10, 0x20)));
        for other in [
            &code.replace("r-xp", "r--p"),
            &code.replace("r-xp", "rwxp"),
            &code.replace("/a b", "/libc.so.6"),
            "7ffe-7fff r-xp 00000000 00:00 0                          [vdso]",
            "7ffe-7fff r-xp 00000000 00:00 0 ",
            "",
        ] {
            assert_eq!(code_of(other, "/usr/bin/a b"), None, "{other}");
        }
    }
}
