//! MPEG-2 transport streams (ISO/IEC 13818-1; packaging.md section 11): packets, tables, PES
//! headers, SAMPLE-AES, and the layout of a segment whose payload stays in its source until it is sent.

pub mod escape;
pub mod id3;
pub mod mux;
pub mod open;
pub mod packet;
pub mod pes;
pub mod psi;
pub mod sample_aes;
pub mod segment;

pub use mux::Mux;
pub use sample_aes::SampleAes;
pub use segment::Segment;
