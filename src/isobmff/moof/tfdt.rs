//! When a fragment starts: `tfdt` (ISO/IEC 14496-12 section 8.8.12), or `tfxd` of Smooth Streaming
//! ([MS-SSTR] section 2.2.4.4), which older files have in its place.

use crate::bytes::Reader;
use crate::isobmff::{BoxError, BoxRef, Rule};

/// The `uuid` of a `tfxd` box.
pub(super) const TFXD: [u8; 16] = 0x6d1d9b05_42d5_44e6_80e2_141daff757b2_u128.to_be_bytes();

/// The time of the first sample of a track fragment in media ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FragmentTime {
    /// When it is decoded.
    Decoded(i64),
    /// When it is shown.
    Shown(i64),
}

impl FragmentTime {
    /// Looks for the time in a `traf`; `None` when it does not say.
    pub fn find(traf: &BoxRef<'_>) -> Result<Option<Self>, BoxError> {
        if let Some(tfdt) = traf.find(b"tfdt")? {
            return Self::of_tfdt(&tfdt).map(Some);
        }
        for child in traf.children() {
            let child = child?;
            if let (b"uuid", Some(body)) = (&child.kind.0, child.body.strip_prefix(&TFXD)) {
                return Self::of_tfxd(&BoxRef { body, ..child }).map(Some);
            }
        }
        Ok(None)
    }

    fn of_tfdt(tfdt: &BoxRef<'_>) -> Result<Self, BoxError> {
        let time = first_field(tfdt, 1)?;
        let late = tfdt.error(Rule::BadValue("the decoding time has more than 63 bits"));
        i64::try_from(time).map(Self::Decoded).map_err(|_| late)
    }

    /// The absolute time. It is signed in practice: sound that is there for the decoder only
    /// starts before 0.
    fn of_tfxd(tfxd: &BoxRef<'_>) -> Result<Self, BoxError> {
        first_field(tfxd, 1).map(|time| Self::Shown(time.cast_signed()))
    }

    /// The decoding time of a first sample with that composition offset.
    pub fn decoded(self, composition_offset: i32) -> i64 {
        match self {
            Self::Decoded(time) => time,
            Self::Shown(time) => time.saturating_sub(composition_offset.into()),
        }
    }
}

/// The first field of a full box, which has 64 bits in version `wide`.
fn first_field(full: &BoxRef<'_>, wide: u8) -> Result<u64, BoxError> {
    let (version, _, rest) = full.full()?;
    let field = Reader::new(rest).u32_or_u64(version == wide);
    field.map_err(|_| full.error(Rule::Truncated))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::Writer;
    use crate::isobmff::{FourCc, boxed, children, full_box};

    fn time(write: impl FnOnce(&mut Writer)) -> Result<Option<FragmentTime>, BoxError> {
        let mut w = Writer::default();
        boxed(&mut w, b"traf", write);
        let traf = w.into_vec();
        FragmentTime::find(&children(FourCc(*b"moof"), &traf).next().unwrap()?)
    }

    fn tfxd(w: &mut Writer, version: u32) {
        boxed(w, b"uuid", |w| {
            w.bytes(&TFXD);
            w.u32(version << 24);
            if version == 1 {
                w.u64((-5_i64).cast_unsigned())
            } else {
                w.u32(7)
            }
            w.zeros(8);
        });
    }

    #[test]
    fn the_decoding_time_goes_before_that_of_smooth() {
        assert_eq!(time(|_| {}), Ok(None));
        assert_eq!(time(|w| tfxd(w, 0)), Ok(Some(FragmentTime::Shown(7))));
        let shown = time(|w| tfxd(w, 1)).unwrap().unwrap();
        assert_eq!((shown, shown.decoded(3)), (FragmentTime::Shown(-5), -8));
        let both = |w: &mut Writer| {
            tfxd(w, 0);
            full_box(w, b"tfdt", 1, 0, |w| w.u64(9));
        };
        assert_eq!(time(both), Ok(Some(FragmentTime::Decoded(9))));
        let late = time(|w| full_box(w, b"tfdt", 1, 0, |w| w.u64(u64::MAX)));
        assert!(matches!(late.unwrap_err().rule, Rule::BadValue(_)));
    }
}
