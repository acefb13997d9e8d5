//! Movie fragment boxes (ISO/IEC 14496-12 section 8.8): written for CMAF fragments, read from
//! inputs.

mod flags;
mod tfdt;
mod tfhd;
mod traf;
mod trun;

pub use tfdt::FragmentTime;
pub use tfhd::Tfhd;
pub use traf::{FragmentHeader, FragmentTiming, TrunSample, write};
pub use trun::{RunSample, Trun};
