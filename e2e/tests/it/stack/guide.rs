//! What docs/guide/production.md has an operator type, typed as it stands there.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::docker::success;
use super::installation::Installation;

pub(super) const GUIDE: &str = include_str!("../../../../docs/guide/production.md");

/// The one block of commands that has this in it.
pub(super) fn block(with: &str) -> &'static str {
    one("sh", with)
}

/// The same of any language.
pub(super) fn one(language: &str, with: &str) -> &'static str {
    let start = format!("\n```{language}\n");
    let blocks = GUIDE.split(&start).skip(1).filter_map(|rest| Some(rest.split_once("\n```\n")?.0));
    let found: Vec<_> = blocks.filter(|block| block.contains(with)).collect();
    let [block] = found[..] else { panic!("{} blocks of the guide have {with} in them", found.len()) };
    block
}

impl Installation {
    /// Types commands in the folder of the stack, which stands for the guide's, and then pastes what they read.
    pub(super) fn types(&self, commands: &str, pasted: &str) {
        let commands = commands.replace("/srv/keyward", self.folder.to_str().unwrap());
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", &commands]).current_dir(&self.folder);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut typed = self.told_of(&mut shell).spawn().unwrap();
        typed.stdin.take().unwrap().write_all(pasted.as_bytes()).unwrap();
        success(&typed.wait_with_output().unwrap());
    }
}
