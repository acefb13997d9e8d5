//! Independent licence clients, through the tools in `../shared`, where they are installed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

/// Clients that run at the same time; most of their time is Python's start.
const AT_ONCE: usize = 4;

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
        let command = self.asking(client, roots, url, flags);
        // A service may answer on this thread.
        tokio::task::spawn_blocking(move || lines(command)).await.unwrap()
    }

    /// The same for a service in a process of its own.
    pub(crate) fn ask_here(
        &self,
        client: &str,
        roots: &Path,
        url: &str,
        flags: &[&str],
    ) -> Result<Vec<String>, String> {
        lines(self.asking(client, roots, url, flags))
    }

    fn asking(&self, client: &str, roots: &Path, url: &str, flags: &[&str]) -> Command {
        let mut command = self.script(client);
        command.args(["--url", url, "--trust"]).arg(roots.join("trust.json")).args(flags);
        command
    }

    /// All cases of the matrix, or those that do not hold.
    pub(crate) fn matrix(&self, roots: &Path, flags: &[&str]) -> Result<(), String> {
        let mut command = self.script("matrix.py");
        command.arg("--trust").arg(roots.join("trust.json")).args(flags);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        // A matrix without cases proves nothing.
        if output.status.success() && said.contains("ok   ") {
            return Ok(());
        }
        let failed = said.lines().filter(|line| !line.starts_with("ok"));
        let failed: Vec<_> = failed.collect();
        Err(format!("{}\n{}", failed.join("\n"), String::from_utf8_lossy(&output.stderr)))
    }

    /// Does this for each of the cases, some at a time; what is wrong with them.
    pub(crate) fn side_by_side<T: Sync>(
        &self,
        cases: &[T],
        wrong: impl Fn(&T) -> Option<String> + Sync,
    ) -> Vec<String> {
        let next = AtomicUsize::new(0);
        let work = || {
            let taken = std::iter::from_fn(|| cases.get(next.fetch_add(1, Ordering::Relaxed)));
            taken.filter_map(&wrong).collect::<Vec<_>>()
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        })
    }

    /// The lines that a script beside this file prints.
    pub(crate) fn own_script(&self, name: &str, flags: &[&str]) -> Vec<String> {
        let mut command = Command::new(&self.python);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support").join(name));
        command.args(flags);
        lines(command).unwrap_or_else(|said| panic!("{name}: {said}"))
    }

    fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(self.scripts.join(name));
        command
    }
}

fn lines(mut command: Command) -> Result<Vec<String>, String> {
    let output = command.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.success() {
        true => Ok(said(&output.stdout).lines().map(str::to_owned).collect()),
        false => Err(said(&output.stderr)),
    }
}
