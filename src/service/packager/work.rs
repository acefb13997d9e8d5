//! The threads: each takes the next segment that nobody works on.

use std::num::NonZero;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use super::PackageError;
use super::job::Job;

/// Bytes that a thread holds. It stays in the cache of a core, and reads and writes are long. Eight
/// equal parts of it lie at different places in their memory pages ([`crate::crypto::strands`]).
const BUFFER: usize = (256 << 10) - 8 * 448;

/// Threads where some wait for an object store: more than few cores, as they wait, and not one for each
/// of many, as each holds parts and needs blocks.
const WAITING: RangeInclusive<usize> = 4..=8;

/// Does all jobs on all cores; the first error ends the work.
pub(super) fn run(
    jobs: &[Job<'_>],
    is_remote: bool,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), PackageError> {
    let segments: usize = jobs.iter().map(|job| job.rendition.cuts.len()).sum();
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let cores = if is_remote { cores.clamp(*WAITING.start(), *WAITING.end()) } else { cores };
    let stop = AtomicBool::new(false);
    let worker = || {
        let done = work(jobs, cores, &stop, progress);
        stop.fetch_or(done.is_err(), Relaxed);
        done
    };
    side_by_side(cores.min(segments), &worker)
}

/// The same work on so many threads, the own one among them; gives the first error.
pub(super) fn side_by_side(
    threads: usize,
    work: &(dyn Fn() -> Result<(), PackageError> + Sync),
) -> Result<(), PackageError> {
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let joined = others.into_iter().map(|other| match other.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.fold(own, Result::and)
    })
}

fn work(
    jobs: &[Job<'_>],
    cores: usize,
    stop: &AtomicBool,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), PackageError> {
    let mut buffer = vec![0; BUFFER];
    for job in jobs {
        let (at_once, mut segments) = (job.at_once(cores), Vec::new());
        while !stop.load(Relaxed) {
            while segments.len() < at_once
                && let Some(segment) = job.begin()?
            {
                segments.push(segment);
            }
            if segments.is_empty() {
                break;
            }
            job.go_on(&mut segments, &mut buffer, progress)?;
        }
    }
    Ok(())
}
