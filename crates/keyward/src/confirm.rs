//! Whoever sits there is asked before anything ends.

use std::io::{BufRead as _, IsTerminal as _};

use crate::{Failure, say};

/// Says what would be done, and asks; with `yes` it was meant before.
pub(crate) fn confirm(what: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        say(what);
        return Ok(());
    }
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(format!("{what} Nothing was done: nobody is there to be asked, so give --yes").into());
    }
    eprintln!("{what} Type yes to go on:");
    let mut typed = String::new();
    input.lock().read_line(&mut typed)?;
    if typed.trim() == "yes" { Ok(()) } else { Err("nothing was done: something else was typed".into()) }
}
