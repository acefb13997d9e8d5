//! Independent licence clients, through the tools in `../shared`, where they are installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The scripts, and the Python that has what they need.
pub(crate) struct Tools {
    python: PathBuf,
    scripts: PathBuf,
}

impl Tools {
    /// `None`, and said so, where they are not installed.
    pub(crate) fn find() -> Option<Self> {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = home.join("target/drm-clients/bin/python");
        let scripts = home.join("../shared/tools/drm-clients");
        if !python.exists() || !scripts.exists() {
            eprintln!("SKIPPED: no clients of licence services (scripts/setup.sh test, ../shared)");
            return None;
        }
        Some(Self { python, scripts })
    }

    /// A folder with roots, credentials and devices of the tools' own making.
    pub(crate) fn roots(&self) -> TempDir {
        let dir = TempDir::new().unwrap();
        let made = self.script("make_test_device.py").arg(dir.path()).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        dir
    }

    /// Runs a client with the roots of a folder; the `KID:KEY` lines that it prints, or what it says of
    /// the refusal.
    pub(crate) async fn ask(
        &self,
        client: &str,
        roots: &Path,
        url: &str,
        flags: &[&str],
    ) -> Result<Vec<String>, String> {
        let mut command = self.script(client);
        command.args(["--url", url, "--trust"]).arg(roots.join("trust.json")).args(flags);
        // A service may answer on this thread.
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(said(&output.stdout).lines().map(str::to_owned).collect()),
            false => Err(said(&output.stderr)),
        }
    }

    fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(self.scripts.join(name));
        command
    }
}
