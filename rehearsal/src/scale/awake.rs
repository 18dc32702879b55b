//! Cores that do not go to sleep between two questions, as those of a server that has work do not. Waking one up takes as long as
//! a look-up (on a virtual machine, some tens of microseconds), and whether one falls asleep depends on how long it waits: so it is
//! that which would be measured, of one person alone on the machine.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use crate::Failure;

/// Processes that take what nobody else wants of each core (`SCHED_IDLE`). They end with this.
pub(super) struct Awake(Vec<Child>);

impl Awake {
    pub(super) fn keep() -> Result<Self, Failure> {
        let own = std::env::current_exe()?;
        let cores = std::thread::available_parallelism()?.get();
        let mut all = Self(Vec::with_capacity(cores));
        for _ in 0..cores {
            let mut idle = Command::new("chrt");
            idle.args(["--idle", "0"]).arg(&own).arg("awake").stdin(Stdio::piped());
            all.0
                .push(idle.spawn().map_err(|error| format!("chrt, of util-linux, does not start: {error}"))?);
        }
        Ok(all)
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What each of them does: nothing, until whoever started it is gone.
pub(crate) fn stay() -> ! {
    std::thread::spawn(|| {
        loop {
            std::hint::spin_loop();
        }
    });
    let _ = std::io::stdin().read(&mut [0]);
    std::process::exit(0)
}
