//! Common Encryption boxes (ISO/IEC 23001-7 sections 4, 7 and 8; packaging.md section 1.5).

mod auxiliary;
pub mod protection;
mod pssh;
pub mod senc;
mod sinf;

pub use auxiliary::{Form, SampleAuxiliary, SampleEntryAux, Subsample};
pub use pssh::Pssh;
pub use sinf::{LOCAL_GROUPS, Sinf, Tenc};
