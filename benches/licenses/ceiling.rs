//! Licences a second on one core, beside what the asymmetric operations inside of one cost in the same
//! run: no service on these crates can be faster than their sum.

use std::time::{Duration, Instant};

/// Expected of a licence: this part of the rate that its asymmetric operations alone would have.
const EXPECTED: f64 = 0.60;

/// Of so many, taken in turn, the one that took least counts.
const ROUNDS: usize = 9;

const ROUND: Duration = Duration::from_millis(40);

/// An operation inside of a licence.
pub(crate) struct Operation<'a> {
    /// So many of them.
    pub(crate) times: u32,
    pub(crate) name: &'static str,
    /// The crate that does it.
    pub(crate) by: &'static str,
    pub(crate) run: &'a mut dyn FnMut(),
}

pub(crate) fn heading() {
    println!(
        "\nlicences on one core, without HTTP: microseconds each, licences a second, and what part that"
    );
    println!("is of the rate that the asymmetric operations inside alone would have in this run\n");
}

/// Measures and prints one line, and one for each operation.
pub(crate) fn licence(name: &str, answer: &mut dyn FnMut(), operations: &mut [Operation<'_>]) {
    let mut least = vec![f64::INFINITY; 1 + operations.len()];
    for _ in 0..ROUNDS {
        least[0] = least[0].min(micros(answer));
        for (least, operation) in least[1..].iter_mut().zip(&mut *operations) {
            *least = least.min(micros(operation.run));
        }
    }
    let inside = least[1..].iter().zip(&*operations);
    let sum: f64 = inside.clone().map(|(each, it)| each * f64::from(it.times)).sum();
    let part = sum / least[0];
    let verdict = if part >= EXPECTED { "met" } else { "MISSED" };
    println!(
        "{name:32} {:8.0} us {:8.0}/s  {:3.0} % of the ceiling, at least {:.0}: {verdict}",
        least[0],
        1e6 / least[0],
        100.0 * part,
        100.0 * EXPECTED,
    );
    for (each, Operation { times, name, by, .. }) in inside.filter(|(_, it)| it.times > 0) {
        println!("    {times} x {name:36} {each:8.1} us  ({by})");
    }
}

/// The time of a call, from as many as fit into a round.
pub(crate) fn micros(run: &mut dyn FnMut()) -> f64 {
    let (start, mut calls) = (Instant::now(), 0);
    while start.elapsed() < ROUND {
        run();
        calls += 1;
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
}
