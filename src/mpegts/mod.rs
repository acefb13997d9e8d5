//! MPEG-2 transport streams (ISO/IEC 13818-1; packaging.md section 11): packets, tables, PES
//! headers, and the layout of a segment whose payload stays in its source until it is sent.

pub mod mux;
pub mod packet;
pub mod pes;
pub mod psi;
pub mod segment;

pub use mux::Mux;
pub use segment::Segment;
