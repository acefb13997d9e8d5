//! Byte-level reading and writing that every format module shares.

mod bits;
mod decimal;
pub mod der;
mod plain_bits;
mod read;
mod source;
mod window;
mod write;

pub use bits::BitReader;
pub use decimal::{push_decimal, push_seconds};
pub use plain_bits::PlainBits;
pub use read::{Reader, Truncated};
pub use source::ReadAt;
pub use window::Window;
pub use write::Writer;
