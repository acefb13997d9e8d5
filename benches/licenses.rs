//! Licences per second on one core, next to what the asymmetric operations inside of one cost in the
//! same run: no service on these crates can be faster than their sum. And what refusals cost.

#[path = "licenses/fairplay.rs"]
mod fairplay;
#[path = "licenses/playready.rs"]
mod playready;
#[path = "licenses/refusals.rs"]
mod refusals;
#[path = "licenses/widevine.rs"]
mod widevine;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    benches,
    playready::licences,
    playready::operations,
    widevine::licences,
    fairplay::licences,
    refusals::refusals
);
criterion_main!(benches);
