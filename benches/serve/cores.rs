//! Which core does what: a server has one of its own, and the clients have the others.
//!
//! Costs are expected of one core; threads of one core count as cores here. A server on the core of its
//! clients, or on two, pays for what they take out of its caches, and tells more of them than of itself.

use std::sync::LazyLock;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

static ALL: LazyLock<CpuSet> =
    LazyLock::new(|| sched_getaffinity(None).expect("the cores of this process"));

static SERVER: LazyLock<CpuSet> = LazyLock::new(|| {
    let mut one = CpuSet::new();
    one.set(first());
    one
});

/// Where there is but one core, it is the server's as well.
static CLIENTS: LazyLock<CpuSet> = LazyLock::new(|| {
    let mut others = *ALL;
    if others.count() > 1 {
        others.unset(first());
    } else {
        println!("there is one core: servers share it with the clients");
    }
    others
});

fn first() -> usize {
    (0..CpuSet::MAX_CPU).find(|core| ALL.is_set(*core)).expect("a core")
}

/// Runs what starts a server: processes have the cores of the thread that starts them.
pub(crate) fn of_server<T>(start: impl FnOnce() -> T) -> T {
    on(&SERVER, start)
}

/// Runs what asks servers and measures.
pub(crate) fn of_clients<T>(ask: impl FnOnce() -> T) -> T {
    on(&CLIENTS, ask)
}

/// Runs what measures nothing and should be done soon.
pub(crate) fn of_all<T>(prepare: impl FnOnce() -> T) -> T {
    on(&ALL, prepare)
}

fn on<T>(cores: &CpuSet, run: impl FnOnce() -> T) -> T {
    let before = sched_getaffinity(None).expect("the cores of this thread");
    sched_setaffinity(None, cores).expect("cores of this process");
    let value = run();
    sched_setaffinity(None, &before).expect("cores of this process");
    value
}
