//! The Docker daemon that the tests may use, and what they ask it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use crate::service::{binary, build_programs};
use crate::tools::missing;

/// A daemon with the images of `deploy/testing/images`, started by `deploy/testing/docker start`, which sets the variables
/// by which `docker` finds it.
pub(super) struct Docker {
    pub(super) cache: PathBuf,
    /// Two stacks at once are slow on a small machine, and then time limits fail that are no fault of anybody.
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::const_new(());

impl Docker {
    /// It, with our own images made of what Cargo builds; or `None`, with a line that says the test is skipped. Under
    /// `CI=true` that fails the test.
    pub(super) async fn find() -> Option<Self> {
        let Some(cache) = env::var_os("KEYWARD_TEST_STACK") else {
            missing("a Docker daemon of the tests' own (deploy/testing/docker)");
            return None;
        };
        let docker = Self { cache: cache.into(), _alone: ALONE.lock().await };
        // Builds and waits, which is not for an async thread; nothing else runs in this test yet.
        make_own_images();
        Some(docker)
    }

    /// What `docker ARGUMENTS` prints.
    #[expect(clippy::unused_self, reason = "who has no daemon cannot ask it")]
    pub(super) fn ask(&self, arguments: &[&str]) -> String {
        success(&Command::new("docker").args(arguments).output().unwrap())
    }

    /// What `docker inspect` knows.
    pub(super) fn inspect(&self, what: &str) -> Value {
        let found: Value = serde_json::from_str(&self.ask(&["inspect", what])).unwrap();
        found[0].clone()
    }
}

/// Of what Cargo builds.
fn make_own_images() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    build_programs();
    let folder = binary().parent().unwrap().to_owned();
    success(&Command::new(workspace.join("deploy/testing/images")).arg("own").arg(folder).output().unwrap());
}

/// What a program printed, that ended well.
pub(super) fn success(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
