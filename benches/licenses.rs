//! Licences per second on one core, next to what the asymmetric operations inside of one and the machine's
//! cipher do in the same run. And what refusals cost.
//!
//! `cargo bench --bench licenses -- fairplay refusals` measures those parts alone.

#[path = "licenses/ceiling.rs"]
mod ceiling;
#[path = "licenses/fairplay.rs"]
mod fairplay;
#[path = "licenses/machine.rs"]
mod machine;
#[path = "licenses/playready.rs"]
mod playready;
#[path = "licenses/refusals.rs"]
mod refusals;
#[path = "licenses/widevine.rs"]
mod widevine;

const PARTS: [(&str, fn()); 5] = [
    ("playready", playready::licences),
    ("widevine", widevine::licences),
    ("fairplay", fairplay::licences),
    ("aes", machine::rates),
    ("refusals", refusals::refusals),
];

fn main() {
    // Cargo adds an argument of its own.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|name| name != "--bench").collect();
    ceiling::heading();
    for (name, measure) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            measure();
        }
    }
}
