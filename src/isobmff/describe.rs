//! The fields of boxes as text, for `inspect`: a table of box types, each with the function that
//! reads it. Boxes that are not in the table are listed without fields.

use data_encoding::HEXLOWER;

use super::FourCc;
use super::cenc::protection::PIFF_TRACK_ENCRYPTION;
use super::cenc::senc::{OVERRIDES_TRACK, PIFF_SAMPLE_ENCRYPTION};
use crate::bytes::{Reader, Truncated};
use crate::ids::{KeyId, SystemId};

/// Names and values of a box.
pub type Fields = Vec<(&'static str, String)>;

type Describe = fn(&mut Full<'_>) -> Result<Fields, Truncated>;

/// Box types with the function that reads their body.
const TABLE: &[(&[u8; 4], Describe)] = &[
    (b"ftyp", brands),
    (b"styp", brands),
    (b"mvhd", mvhd),
    (b"tkhd", tkhd),
    (b"mdhd", mdhd),
    (b"hdlr", hdlr),
    (b"elst", elst),
    (b"stsz", stsz),
    (b"stts", count),
    (b"ctts", count),
    (b"stss", count),
    (b"stco", count),
    (b"co64", count),
    (b"stsc", count),
    (b"frma", frma),
    (b"schm", schm),
    (b"tenc", tenc),
    (b"pssh", pssh),
    (b"sbgp", sbgp),
    (b"sgpd", sgpd),
    (b"senc", senc),
    (b"saiz", saiz),
    (b"saio", saio),
    (b"mfhd", mfhd),
    (b"tfhd", tfhd),
    (b"tfdt", tfdt),
    (b"trun", trun),
];

/// The same for boxes of type `uuid`: those of PIFF 1.1 section 5.3 (packaging.md section 3).
const UUIDS: &[(&[u8; 16], Describe)] = &[
    (&PIFF_SAMPLE_ENCRYPTION, piff_samples),
    (&PIFF_TRACK_ENCRYPTION, piff_track),
    (&PIFF_SYSTEM, piff_system),
];

/// Type of the `uuid` box that stands for `pssh` in PIFF.
const PIFF_SYSTEM: [u8; 16] = 0xd08a4f18_10f3_4a82_b6c8_32d8aba183d3_u128.to_be_bytes();

/// Name of the first field of boxes of PIFF.
pub const PIFF: &str = "PIFF";

/// So many runs of a group are told.
const LISTED_RUNS: usize = 8;

/// Boxes without version and flags.
const PLAIN: [&[u8; 4]; 3] = [b"ftyp", b"styp", b"frma"];

/// The fields of a box body; `None` for types that are not in the table.
///
/// # Errors
/// A body that ends too early.
pub fn describe(kind: FourCc, body: &[u8]) -> Option<Result<Fields, Truncated>> {
    if &kind.0 == b"uuid" {
        let (id, rest) = body.split_first_chunk::<16>()?;
        let (_, read) = UUIDS.iter().find(|(known, _)| *known == id)?;
        return Some(Full::open(rest, true).and_then(|mut full| read(&mut full)));
    }
    let (_, read) = TABLE.iter().find(|(known, _)| **known == kind.0)?;
    Some(Full::open(body, !PLAIN.contains(&&kind.0)).and_then(|mut full| read(&mut full)))
}

/// A body with its version and flags taken off.
struct Full<'a> {
    version: u8,
    flags: u32,
    body: Reader<'a>,
}

impl<'a> Full<'a> {
    fn open(body: &'a [u8], full: bool) -> Result<Self, Truncated> {
        let mut body = Reader::new(body);
        let (version, flags) = if full { (body.u8()?, body.u24()?) } else { (0, 0) };
        Ok(Self { version, flags, body })
    }

    fn wide(&mut self) -> Result<u64, Truncated> {
        self.body.u32_or_u64(self.version == 1)
    }
}

fn four_cc(reader: &mut Reader<'_>) -> Result<String, Truncated> {
    reader.array().map(|code| FourCc(code).to_string())
}

fn kid(reader: &mut Reader<'_>) -> Result<String, Truncated> {
    reader.array().map(|bytes| KeyId::from_bytes(bytes).to_string())
}

fn brands(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    let major = four_cc(&mut b.body)?;
    b.body.skip(4)?;
    let (codes, _) = b.body.rest().as_chunks::<4>();
    let compatible: Vec<String> = codes.iter().map(|code| FourCc(*code).to_string()).collect();
    Ok(vec![("major", major), ("compatible", compatible.join(" "))])
}

fn mvhd(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    b.wide()?;
    b.wide()?;
    let timescale = b.body.u32()?;
    Ok(vec![("timescale", timescale.to_string()), ("duration", b.wide()?.to_string())])
}

fn tkhd(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    b.wide()?;
    b.wide()?;
    let id = b.body.u32()?;
    b.body.skip(4)?;
    let duration = b.wide()?;
    b.body.skip(8 + 8 + 36)?;
    let (width, height) = (b.body.u32()? >> 16, b.body.u32()? >> 16);
    Ok(vec![
        ("track", id.to_string()),
        ("duration", duration.to_string()),
        ("size", format!("{width}x{height}")),
    ])
}

fn mdhd(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    b.wide()?;
    b.wide()?;
    let timescale = b.body.u32()?;
    let duration = b.wide()?;
    let language = b.body.u16()?;
    let letter = |shift: u16| char::from((((language >> shift) & 0x1f) as u8) + 0x60);
    Ok(vec![
        ("timescale", timescale.to_string()),
        ("duration", duration.to_string()),
        ("language", [10, 5, 0].map(letter).iter().collect()),
    ])
}

fn hdlr(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    b.body.skip(4)?;
    Ok(vec![("handler", four_cc(&mut b.body)?)])
}

fn elst(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    let mut edits = Vec::new();
    for _ in 0..b.body.u32()?.min(16) {
        let (duration, raw) = (b.wide()?, b.wide()?);
        b.body.skip(4)?;
        let media_time =
            if b.version == 1 { raw.cast_signed() } else { i64::from((raw as u32).cast_signed()) };
        edits.push(format!("(duration {duration}, media time {media_time})"));
    }
    Ok(vec![("edits", edits.join(" "))])
}

fn count(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    Ok(vec![("entries", b.body.u32()?.to_string())])
}

fn stsz(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    let size = b.body.u32()?;
    let samples = b.body.u32()?;
    Ok(vec![("sample size", size.to_string()), ("samples", samples.to_string())])
}

fn frma(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    Ok(vec![("format", four_cc(&mut b.body)?)])
}

fn schm(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    let scheme = four_cc(&mut b.body)?;
    Ok(vec![("scheme", scheme), ("version", format!("{:#x}", b.body.u32()?))])
}

fn tenc(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    let has_pattern = b.version > 0;
    key_fields(&mut b.body, has_pattern)
}

/// Which samples are in which group.
fn sbgp(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    let kind = four_cc(&mut b.body)?;
    b.body.skip(if b.version == 1 { 4 } else { 0 })?;
    let count = b.body.u32()?;
    let (runs, _) = b.body.rest().as_chunks::<8>();
    let run = |[a, b, c, d, e, f, g, h]: &[u8; 8]| {
        let (samples, group) =
            (u32::from_be_bytes([*a, *b, *c, *d]), u32::from_be_bytes([*e, *f, *g, *h]));
        format!("{samples} in {group:#x}")
    };
    let listed: Vec<String> = runs.iter().take(LISTED_RUNS).map(run).collect();
    Ok(vec![("type", kind), ("runs", count.to_string()), ("samples", listed.join(" "))])
}

/// What the groups are; of groups with keys of their own, the first.
fn sgpd(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    let kind = four_cc(&mut b.body)?;
    let length = b.body.u32()?;
    let count = b.body.u32()?;
    let is_key = kind == "seig" && b.version == 1 && count > 0;
    let mut fields = vec![("type", kind), ("groups", count.to_string())];
    if is_key {
        b.body.skip(if length == 0 { 4 } else { 0 })?;
        fields.extend(key_fields(&mut b.body, true)?);
    }
    Ok(fields)
}

/// The fields of `tenc` and of a description of a group of type `seig`.
fn key_fields(body: &mut Reader<'_>, has_pattern: bool) -> Result<Fields, Truncated> {
    body.skip(1)?;
    let pattern = body.u8()?;
    let protected = body.u8()?;
    let iv_size = body.u8()?;
    let mut fields = vec![
        ("protected", protected.to_string()),
        ("iv size", iv_size.to_string()),
        ("kid", kid(body)?),
    ];
    if has_pattern {
        fields.push(("pattern", format!("{}:{}", pattern >> 4, pattern & 0x0f)));
    }
    if protected != 0 && iv_size == 0 {
        let length = body.u8()?;
        fields.push(("constant iv", HEXLOWER.encode(body.take(usize::from(length))?)));
    }
    Ok(fields)
}

fn pssh(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    let system = SystemId::from_bytes(b.body.array()?);
    let mut fields = vec![("system", system.to_string())];
    if let Some(name) = system.name() {
        fields.push(("name", name.to_owned()));
    }
    if b.version > 0 {
        let mut kids = Vec::new();
        for _ in 0..b.body.u32()?.min(1024) {
            kids.push(kid(&mut b.body)?);
        }
        fields.push(("kids", kids.join(" ")));
    }
    fields.push(("data bytes", b.body.u32()?.to_string()));
    Ok(fields)
}

fn senc(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    let subsamples = if b.flags & 2 != 0 { "yes" } else { "no" };
    Ok(vec![("samples", b.body.u32()?.to_string()), ("subsamples", subsamples.to_owned())])
}

fn piff_samples(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    let mut fields = vec![(PIFF, "sample encryption".to_owned())];
    if b.flags & OVERRIDES_TRACK != 0 {
        fields.extend(piff_key(&mut b.body)?);
    }
    fields.extend(senc(b)?);
    Ok(fields)
}

fn piff_track(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    let mut fields = vec![(PIFF, "track encryption".to_owned())];
    fields.extend(piff_key(&mut b.body)?);
    Ok(fields)
}

fn piff_system(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    let mut fields = vec![(PIFF, "protection system".to_owned())];
    fields.extend(pssh(b)?);
    Ok(fields)
}

/// Algorithm (0 none, 1 AES-CTR, 2 AES-CBC), size of IVs and KID.
fn piff_key(body: &mut Reader<'_>) -> Result<Fields, Truncated> {
    let algorithm = match body.u24()? {
        0 => "none".to_owned(),
        1 => "AES-CTR".to_owned(),
        2 => "AES-CBC".to_owned(),
        other => other.to_string(),
    };
    let iv_size = body.u8()?.to_string();
    Ok(vec![("algorithm", algorithm), ("iv size", iv_size), ("kid", kid(body)?)])
}

fn saiz(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    if b.flags & 1 != 0 {
        b.body.skip(8)?;
    }
    let default = b.body.u8()?;
    let samples = b.body.u32()?;
    Ok(vec![("default size", default.to_string()), ("samples", samples.to_string())])
}

fn saio(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    if b.flags & 1 != 0 {
        b.body.skip(8)?;
    }
    let entries = b.body.u32()?;
    let first = if entries > 0 { b.wide()?.to_string() } else { "none".to_owned() };
    Ok(vec![("entries", entries.to_string()), ("offset", first)])
}

fn mfhd(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    Ok(vec![("sequence number", b.body.u32()?.to_string())])
}

fn tfhd(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    Ok(vec![("track", b.body.u32()?.to_string()), ("flags", format!("{:#08x}", b.flags))])
}

fn tfdt(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    Ok(vec![("decode time", b.wide()?.to_string())])
}

fn trun(b: &mut Full<'_>) -> Result<Fields, Truncated> {
    let samples = b.body.u32()?;
    let mut fields = vec![("samples", samples.to_string()), ("flags", format!("{:#08x}", b.flags))];
    if b.flags & 1 != 0 {
        fields.push(("data offset", b.body.u32()?.cast_signed().to_string()));
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::Writer;
    use crate::isobmff::cenc::Tenc;
    use crate::isobmff::children;
    use proptest::prelude::*;

    #[test]
    fn groups_with_a_key_of_their_own_say_which() {
        let kid = KeyId::from_bytes([0x11; 16]);
        let tenc = Tenc {
            pattern: Some((1, 9)),
            per_sample_iv_size: 0,
            constant_iv: Some([0xab; 16]),
            kid,
        };
        let mut w = Writer::with_capacity(128);
        tenc.write_group(&mut w, 48);
        let bytes = w.into_vec();
        let said = |node: crate::isobmff::BoxRef<'_>| -> String {
            let fields = describe(node.kind, node.body).unwrap().unwrap();
            fields.iter().map(|(name, value)| format!("{name}: {value}, ")).collect()
        };
        let said: Vec<String> =
            children(FourCc(*b"traf"), &bytes).map(|node| said(node.unwrap())).collect();
        assert_eq!(said[0], "type: seig, runs: 1, samples: 48 in 0x10001, ");
        let (kid, iv) = (kid.to_string(), "ab".repeat(16));
        let expected = format!(
            "type: seig, groups: 1, protected: 1, iv size: 0, kid: {kid}, pattern: 1:9, \
             constant iv: {iv}, "
        );
        assert_eq!(said[1], expected);
    }

    /// A fragment of PIFF that names its key; what it says is told without any other box.
    #[test]
    fn boxes_of_piff_say_which_key() {
        let fields = [&[0, 0, 0, 3][..], &[0, 0, 1, 8], &[0x22; 16], &[0, 0, 0, 5]].concat();
        let body = [&PIFF_SAMPLE_ENCRYPTION[..], &fields].concat();
        let said = describe(FourCc(*b"uuid"), &body).unwrap().unwrap();
        let kid = KeyId::from_bytes([0x22; 16]).to_string();
        let expected = [
            (PIFF, "sample encryption"),
            ("algorithm", "AES-CTR"),
            ("iv size", "8"),
            ("kid", &*kid),
            ("samples", "5"),
            ("subsamples", "yes"),
        ];
        assert_eq!(said, expected.map(|(name, value)| (name, value.to_owned())));
        for length in 16..body.len() {
            assert!(describe(FourCc(*b"uuid"), &body[..length]).unwrap().is_err(), "{length}");
        }
        assert!(describe(FourCc(*b"uuid"), &[7; 40]).is_none());
    }

    proptest! {
        #[test]
        fn arbitrary_bodies_never_panic(row in 0..TABLE.len(), body: Vec<u8>) {
            prop_assert!(describe(FourCc(*TABLE[row].0), &body).is_some());
        }
    }
}
