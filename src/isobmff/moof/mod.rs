//! Movie fragment boxes (ISO/IEC 14496-12 section 8.8), written for CMAF fragments.

mod traf;

pub use traf::{FragmentHeader, FragmentTiming, TrunSample, write};
