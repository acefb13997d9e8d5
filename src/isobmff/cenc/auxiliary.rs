//! `saiz`, `saio`, `senc`: what a decryptor needs for each sample (ISO/IEC 23001-7 sections 7.1
//! and 7.2; ISO/IEC 14496-12 sections 8.7.8 and 8.7.9), and the one box of PIFF in their place (PIFF
//! 1.1 section 5.3.2; packaging.md section 3).

use super::senc::{HAS_SUBSAMPLES, OVERRIDES_TRACK, PIFF_SAMPLE_ENCRYPTION};
use crate::bytes::Writer;
use crate::ids::KeyId;
use crate::isobmff::{boxed, full_box};

/// AES in counter mode, in the words of PIFF.
const PIFF_AES_CTR: u32 = 1;

/// A run of clear bytes and the protected bytes behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subsample {
    /// Clear bytes.
    pub clear: u16,
    /// Protected bytes.
    pub protected: u32,
}

impl Subsample {
    /// Both together, in bytes.
    pub fn size(&self) -> u64 {
        u64::from(self.clear) + u64::from(self.protected)
    }
}

/// The auxiliary data of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleEntryAux {
    /// IV of the sample; only the first [`SampleAuxiliary::iv_size`] bytes are written.
    pub iv: [u8; 16],
    /// How many subsamples of the shared list belong to the sample; 0 = the whole sample.
    pub subsamples: u16,
}

/// The boxes that the data are in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// `saiz`, `saio`, `senc`.
    #[default]
    Cenc,
    /// The `uuid` box of PIFF.
    Piff {
        /// The key, where the fragment names it.
        key: Option<KeyId>,
    },
}

/// The auxiliary data of a fragment. Subsamples of all samples lie in one list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SampleAuxiliary {
    /// Bytes of each sample's IV: 8 or 16, or 0 where all have the constant one.
    pub iv_size: u8,
    /// The boxes.
    pub form: Form,
    /// Whether the samples carry subsample lists.
    pub has_subsamples: bool,
    /// One entry a sample.
    pub samples: Vec<SampleEntryAux>,
    /// Subsamples in sample order.
    pub subsamples: Vec<Subsample>,
}

impl SampleAuxiliary {
    /// Bytes of one sample's data in `senc`; at most 255, as `saiz` has 8 bits for it.
    fn size_of(&self, sample: &SampleEntryAux) -> usize {
        let list = if self.has_subsamples { 2 + 6 * usize::from(sample.subsamples) } else { 0 };
        usize::from(self.iv_size) + list
    }

    /// The largest number of subsamples that a sample can carry.
    pub fn max_subsamples(&self) -> usize {
        (255 - usize::from(self.iv_size.min(16)) - 2) / 6
    }

    /// Writes the boxes into a `traf`. Nothing is written when no sample has any data: constant
    /// IV, whole samples. `moof_start` is where `saio` counts from.
    pub fn write(&self, w: &mut Writer, moof_start: usize) {
        let sizes: Vec<usize> = self.samples.iter().map(|sample| self.size_of(sample)).collect();
        if sizes.iter().all(|size| *size == 0) {
            return;
        }
        if let Form::Piff { key } = self.form {
            return self.write_piff(w, key);
        }
        write_saiz(w, &sizes);
        let mut offset_at = 0;
        full_box(w, b"saio", 0, 0, |w| {
            w.u32(1);
            offset_at = w.position();
            w.u32(0);
        });
        let senc_start = w.position();
        self.write_senc(w);
        let first_iv = senc_start + 16 - moof_start;
        w.patch_u32(offset_at, u32::try_from(first_iv).unwrap_or(u32::MAX));
    }

    fn write_senc(&self, w: &mut Writer) {
        full_box(w, b"senc", 0, self.flags(), |w| self.write_samples(w));
    }

    /// Nothing points at the data in PIFF: readers know the box.
    fn write_piff(&self, w: &mut Writer, key: Option<KeyId>) {
        boxed(w, b"uuid", |w| {
            w.bytes(&PIFF_SAMPLE_ENCRYPTION);
            w.u32(self.flags() | key.map_or(0, |_| OVERRIDES_TRACK));
            if let Some(key) = key {
                w.u32(PIFF_AES_CTR << 8 | u32::from(self.iv_size));
                w.bytes(key.as_bytes());
            }
            self.write_samples(w);
        });
    }

    fn flags(&self) -> u32 {
        if self.has_subsamples { HAS_SUBSAMPLES } else { 0 }
    }

    fn write_samples(&self, w: &mut Writer) {
        w.u32(u32::try_from(self.samples.len()).unwrap_or(u32::MAX));
        let mut rest = self.subsamples.as_slice();
        for sample in &self.samples {
            w.bytes(&sample.iv[..usize::from(self.iv_size.min(16))]);
            if self.has_subsamples {
                w.u16(sample.subsamples);
                let (own, others) = rest.split_at(usize::from(sample.subsamples));
                rest = others;
                for subsample in own {
                    w.u16(subsample.clear);
                    w.u32(subsample.protected);
                }
            }
        }
    }
}

/// One default size when all samples have the same, a table otherwise.
fn write_saiz(w: &mut Writer, sizes: &[usize]) {
    let byte = |size: usize| u8::try_from(size).unwrap_or(u8::MAX);
    let first = sizes.first().copied().unwrap_or(0);
    let uniform = sizes.iter().all(|size| *size == first);
    full_box(w, b"saiz", 0, 0, |w| {
        w.u8(if uniform { byte(first) } else { 0 });
        w.u32(u32::try_from(sizes.len()).unwrap_or(u32::MAX));
        if !uniform {
            sizes.iter().for_each(|size| w.u8(byte(*size)));
        }
    });
}
