//! Licences per second on one core, next to what the asymmetric operations inside of one cost in the
//! same run: no service on these crates can be faster than their sum.

#[path = "licenses/playready.rs"]
mod playready;
#[path = "licenses/widevine.rs"]
mod widevine;

use criterion::{criterion_group, criterion_main};

criterion_group!(benches, playready::licences, playready::operations, widevine::licences);
criterion_main!(benches);
