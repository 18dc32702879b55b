//! `keyward completions`: what a shell needs to complete the command's words.

use std::io::Write as _;

use clap::{Args, Command};
use clap_complete::Shell;

use crate::Failure;

/// Print a script that teaches a shell to complete `keyward`.
///
/// Bash: keyward completions bash > ~/.local/share/bash-completion/completions/keyward
/// Zsh: put it as _keyward into a folder of $fpath. Fish: into ~/.config/fish/completions/keyward.fish
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Completions {
    /// Which shell.
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, mut command: Command) -> Result<(), Failure> {
        // Not to standard output at once: the generator panics when nobody listens any more.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "keyward", &mut script);
        std::io::stdout().write_all(&script).map_err(|error| {
            format!("the script could not be written: {error}; write it to a file with >").into()
        })
    }
}
