//! The data that a decryptor needs for a sample: IV and subsamples (ISO/IEC 23001-7 section 7.1).

use crate::bytes::{Reader, Truncated};
use crate::isobmff::cenc::{SampleEntryAux, Subsample};

/// Why data are none; the text is for people.
pub(super) type Wrong = &'static str;

const CUT: Wrong = "the data of a sample end early";

/// Reads the data of a sample of `size` bytes, whose own IV has `iv_size`; `each` takes its subsamples.
/// A sample without any is protected as a whole.
///
/// # Errors
/// Data that are shorter or longer than what they list, or subsamples that are not the sample.
pub(super) fn read(
    data: &[u8],
    iv_size: u8,
    size: u32,
    mut each: impl FnMut(Subsample),
) -> Result<SampleEntryAux, Wrong> {
    let cut = |Truncated| CUT;
    let mut reader = Reader::new(data);
    let own = reader.take(iv_size.into()).map_err(cut)?;
    let mut iv = [0; 16];
    iv.get_mut(..own.len()).ok_or(CUT)?.copy_from_slice(own);
    if reader.rest().is_empty() {
        return Ok(SampleEntryAux { iv, subsamples: 0 });
    }
    let count = reader.u16().map_err(cut)?;
    let (list, behind) = reader.rest().as_chunks::<6>();
    if list.len() != usize::from(count) || !behind.is_empty() {
        return Err("the data of a sample are not as long as its list of subsamples");
    }
    let mut covered = 0;
    for subsample in list.iter().map(subsample) {
        covered += subsample.size();
        each(subsample);
    }
    if count > 0 && covered != u64::from(size) {
        return Err("the subsamples of a sample are not as large as the sample");
    }
    Ok(SampleEntryAux { iv, subsamples: count })
}

fn subsample([a, b, c, d, e, f]: &[u8; 6]) -> Subsample {
    Subsample {
        clear: u16::from_be_bytes([*a, *b]),
        protected: u32::from_be_bytes([*c, *d, *e, *f]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(count: u16, parts: &[(u16, u32)]) -> Vec<u8> {
        let mut data = [&[7; 8][..], &count.to_be_bytes()].concat();
        for (clear, protected) in parts {
            data.extend(clear.to_be_bytes());
            data.extend(protected.to_be_bytes());
        }
        data
    }

    #[test]
    fn data_are_as_long_as_they_say_and_subsamples_are_the_sample() {
        let of = |data: &[u8], size| read(data, 8, size, |_| {}).map(|found| found.subsamples);
        assert_eq!(of(&[7; 8], 40), Ok(0));
        assert_eq!(of(&list(0, &[]), 40), Ok(0));
        assert_eq!(of(&list(2, &[(4, 16), (0, 20)]), 40), Ok(2));
        for (data, size) in [
            (vec![7; 7], 40),
            (vec![7; 9], 40),
            (list(3, &[(4, 16), (0, 20)]), 40),
            (list(1, &[(4, 16), (0, 20)]), 20),
            (list(2, &[(4, 16), (0, 20)]), 41),
            (list(2, &[(4, u32::MAX), (0, u32::MAX)]), 2),
        ] {
            assert!(of(&data, size).is_err(), "{data:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_data_never_panic(data: Vec<u8>, iv_size: u8, size: u32) {
            let _ = read(&data, iv_size, size, |_| {});
        }
    }
}
