//! A process that serves on a port, and what it costs the machine.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::process::Child;

use crate::load::Connection;

/// A process; ends with the value.
pub(crate) struct Process {
    child: Child,
    /// Host and port.
    pub(crate) address: String,
    /// Nanoseconds of each thread that was ever seen: some end.
    threads: RefCell<BTreeMap<std::ffi::OsString, f64>>,
}

impl Process {
    pub(crate) fn new(child: Child, address: String) -> Self {
        Self { child, address, threads: RefCell::default() }
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(&self.address)
    }

    /// CPU seconds of all threads, as the scheduler counts them.
    pub(crate) fn cpu(&self) -> f64 {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("alive");
        let nanos = threads.filter_map(|thread| {
            let thread = thread.ok()?;
            let stat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            Some((thread.file_name(), stat.split_whitespace().next()?.parse().ok()?))
        });
        let mut seen = self.threads.borrow_mut();
        seen.extend(nanos);
        seen.values().sum::<f64>() / 1e9
    }

    /// Resident memory in megabytes.
    pub(crate) fn resident(&self) -> f64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("alive");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
        let kib: f64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("kB");
        kib * 1024.0 / 1e6
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
