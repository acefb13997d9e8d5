//! What encrypted samples say of themselves, read from files: `sinf`, `tenc`, the `seig` sample
//! group, and the track encryption box of PIFF (ISO/IEC 23001-7 sections 4, 6 and 8.2; PIFF 1.1
//! section 5.3.3; packaging.md sections 1.5 and 3).

use crate::bytes::{Reader, Truncated};
use crate::ids::KeyId;
use crate::isobmff::{BoxError, BoxRef, FourCc, Rule};

/// Type of the `uuid` box that stands for `tenc` in PIFF.
pub(in crate::isobmff) const PIFF_TRACK_ENCRYPTION: [u8; 16] =
    0x8974dbce_7be7_4c51_84f9_7148f9882554_u128.to_be_bytes();

/// How samples are protected: defaults of a track, or a group of samples with a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleProtection {
    /// Whether they are at all.
    pub is_protected: bool,
    /// Blocks encrypted and skipped in turn; (0, 0) = no pattern.
    pub pattern: (u8, u8),
    /// Size of each sample's own IV in bytes: 0, 8 or 16.
    pub iv_size: u8,
    /// The key.
    pub kid: KeyId,
    /// The IV of all samples where they have none of their own, with zeros behind when it is
    /// shorter than a block.
    pub constant_iv: Option<[u8; 16]>,
}

impl SampleProtection {
    /// Reads a `tenc`.
    pub fn of_tenc(tenc: &BoxRef<'_>) -> Result<Self, BoxError> {
        let (version, _, rest) = tenc.full()?;
        let read = Self::read(rest).map_err(|rule| tenc.error(rule))?;
        // The pattern is a reserved field in version 0.
        let pattern = if version == 0 { (0, 0) } else { read.pattern };
        Self { pattern, ..read }.checked(tenc)
    }

    /// Reads the description of a sample group of type `seig`.
    pub fn of_group(sgpd: &BoxRef<'_>, entry: &[u8]) -> Result<Self, BoxError> {
        Self::read(entry).map_err(|rule| sgpd.error(rule))?.checked(sgpd)
    }

    fn read(fields: &[u8]) -> Result<Self, Rule> {
        let mut reader = Reader::new(fields);
        let read = Self::read_fields(&mut reader).map_err(|Truncated| Rule::Truncated)?;
        let constant = read.is_protected && read.iv_size == 0;
        let constant_iv = constant.then(|| constant_iv(&mut reader)).transpose()?;
        Ok(Self { constant_iv, ..read })
    }

    /// Everything in front of a constant IV.
    fn read_fields(reader: &mut Reader<'_>) -> Result<Self, Truncated> {
        reader.skip(1)?;
        let pattern = reader.u8()?;
        Ok(Self {
            pattern: (pattern >> 4, pattern & 0x0f),
            is_protected: reader.u8()? != 0,
            iv_size: reader.u8()?,
            kid: KeyId::from_bytes(reader.array()?),
            constant_iv: None,
        })
    }

    fn of_piff(uuid: &BoxRef<'_>, fields: &[u8]) -> Result<(FourCc, Self), BoxError> {
        // Version and flags are in front.
        Self::of_piff_fields(uuid, fields.get(4..).unwrap_or_default())
    }

    /// Reads algorithm, size of IVs and KID, as boxes of PIFF have them, with the scheme that the
    /// algorithm is.
    pub(super) fn of_piff_fields(
        uuid: &BoxRef<'_>,
        fields: &[u8],
    ) -> Result<(FourCc, Self), BoxError> {
        let mut reader = Reader::new(fields);
        let mut read = || {
            let algorithm = reader.u24()?;
            Ok((algorithm, reader.u8()?, KeyId::from_bytes(reader.array()?)))
        };
        let (algorithm, iv_size, kid) = read().map_err(|Truncated| uuid.error(Rule::Truncated))?;
        let scheme = match algorithm {
            0 | 1 => FourCc(*b"cenc"),
            2 => FourCc(*b"cbc1"),
            _ => return Err(uuid.error(Rule::BadValue("the algorithm is not known"))),
        };
        let is_protected = algorithm != 0;
        let read = Self { is_protected, pattern: (0, 0), iv_size, kid, constant_iv: None };
        Ok((scheme, read.checked(uuid)?))
    }

    fn checked(self, at: &BoxRef<'_>) -> Result<Self, BoxError> {
        match (self.is_protected, self.iv_size) {
            (false, _) | (true, 0 | 8 | 16) => Ok(self),
            _ => Err(at.error(Rule::BadValue("an IV has 0, 8 or 16 bytes"))),
        }
    }
}

/// Zeros stand behind one that is shorter than a block (packaging.md section 1.2).
fn constant_iv(reader: &mut Reader<'_>) -> Result<[u8; 16], Rule> {
    let mut iv = [0; 16];
    let length = reader.u8().map_err(|Truncated| Rule::Truncated)?;
    let place = match length {
        8 => &mut iv[..8],
        16 => &mut iv[..],
        _ => return Err(Rule::BadValue("a constant IV has 8 or 16 bytes")),
    };
    place.copy_from_slice(reader.take(length.into()).map_err(|Truncated| Rule::Truncated)?);
    Ok(iv)
}

/// The protection of a sample entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryProtection {
    /// Type of the entry before protection.
    pub original: FourCc,
    /// Scheme; PIFF is told as the scheme of ISO/IEC 23001-7 that it equals.
    pub scheme: FourCc,
    /// Defaults of the samples.
    pub defaults: SampleProtection,
}

impl EntryProtection {
    /// Reads a `sinf`.
    pub fn of_sinf(sinf: &BoxRef<'_>) -> Result<Self, BoxError> {
        let original = four_cc(&sinf.require(b"frma")?, 0)?;
        let scheme = four_cc(&sinf.require(b"schm")?, 4)?;
        let schi = sinf.require(b"schi")?;
        if let Some(tenc) = schi.find(b"tenc")? {
            return Ok(Self { original, scheme, defaults: SampleProtection::of_tenc(&tenc)? });
        }
        for child in schi.children() {
            let child = child?;
            if let Some(fields) = child.body.strip_prefix(&PIFF_TRACK_ENCRYPTION)
                && &child.kind.0 == b"uuid"
            {
                let (scheme, defaults) = SampleProtection::of_piff(&child, fields)?;
                return Ok(Self { original, scheme, defaults });
            }
        }
        Err(schi.error(Rule::MissingChild(FourCc(*b"tenc"))))
    }
}

fn four_cc(holder: &BoxRef<'_>, at: usize) -> Result<FourCc, BoxError> {
    let code = holder.body.get(at..).and_then(|rest| rest.first_chunk::<4>());
    code.copied().map(FourCc).ok_or(holder.error(Rule::Truncated))
}

/// Whether the body of an `sgpd` or `sbgp` is about groups with keys of their own.
pub fn is_key_group(body: &[u8]) -> bool {
    body.get(4..8) == Some(b"seig")
}

/// The `seig` descriptions of an `sgpd`; nothing when it describes other groups.
pub fn group_descriptions(sgpd: &BoxRef<'_>) -> Result<Vec<SampleProtection>, BoxError> {
    let truncated = |Truncated| sgpd.error(Rule::Truncated);
    let (version, _, rest) = sgpd.full()?;
    let mut reader = Reader::new(rest);
    if &reader.array::<4>().map_err(truncated)? != b"seig" {
        return Ok(Vec::new());
    }
    // Version 0 has no lengths, version 2 other defaults; neither is written for this group.
    if version != 1 {
        return Err(sgpd.error(Rule::UnknownVersion));
    }
    let default_length = reader.u32().map_err(truncated)?;
    let count = reader.u32().map_err(truncated)?;
    let mut descriptions = Vec::new();
    for _ in 0..count {
        let length = match default_length {
            0 => reader.u32().map_err(truncated)?,
            length => length,
        };
        let entry = reader.take(length as usize).map_err(truncated)?;
        descriptions.push(SampleProtection::of_group(sgpd, entry)?);
    }
    Ok(descriptions)
}

/// The runs of an `sbgp` of type `seig`: how many samples, and which description, counted from 1;
/// 0 = none. Nothing when it is of another type.
pub fn group_runs(sbgp: &BoxRef<'_>) -> Result<Vec<(u32, u32)>, BoxError> {
    let truncated = |Truncated| sbgp.error(Rule::Truncated);
    let (version, _, rest) = sbgp.full()?;
    let mut reader = Reader::new(rest);
    if &reader.array::<4>().map_err(truncated)? != b"seig" {
        return Ok(Vec::new());
    }
    reader.skip(if version == 1 { 4 } else { 0 }).map_err(truncated)?;
    let count = reader.u32().map_err(truncated)? as usize;
    let (runs, _) = reader.rest().as_chunks::<8>();
    let runs = runs.get(..count).ok_or(sbgp.error(Rule::CountExceedsBox))?;
    let pair = |[a, b, c, d, e, f, g, h]: &[u8; 8]| {
        (u32::from_be_bytes([*a, *b, *c, *d]), u32::from_be_bytes([*e, *f, *g, *h]))
    };
    Ok(runs.iter().map(pair).collect())
}
