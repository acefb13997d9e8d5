//! A reader of init segments and fragments that shares nothing with the one under test.

/// What a fragment says of one sample; times in ticks of the track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FragmentSample {
    pub(crate) decoded: i64,
    pub(crate) shown: i64,
    pub(crate) duration: i64,
    pub(crate) size: usize,
    pub(crate) sync: bool,
}

/// The protection of one sample as `senc` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Protected {
    pub(crate) iv: Vec<u8>,
    /// Clear bytes and protected bytes.
    pub(crate) subsamples: Vec<(usize, usize)>,
}

/// The body of the first box at the end of a path of box types.
pub(crate) fn find<'d>(data: &'d [u8], path: &[&[u8; 4]]) -> Option<&'d [u8]> {
    let Some((kind, deeper)) = path.split_first() else {
        return Some(data);
    };
    let mut rest = data;
    while rest.len() >= 8 {
        let size = number(&rest[..4]);
        if &rest[4..8] == *kind {
            return find(&rest[8..size], deeper);
        }
        rest = &rest[size..];
    }
    None
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |value, byte| value << 8 | usize::from(*byte))
}

fn signed(bytes: &[u8]) -> i64 {
    i64::from(i32::from_be_bytes(bytes.try_into().unwrap()))
}

/// Media time at which the presentation starts, by the edit list of an init segment.
pub(crate) fn hidden(init: &[u8]) -> i64 {
    find(init, &[b"moov", b"trak", b"edts", b"elst"]).map_or(0, |elst| {
        assert_eq!(number(&elst[4..8]), 1, "one edit");
        signed(&elst[12..16])
    })
}

/// Media ticks in a second, by an init segment.
pub(crate) fn timescale(init: &[u8]) -> usize {
    number(&find(init, &[b"moov", b"trak", b"mdia", b"mdhd"]).unwrap()[12..16])
}

/// The samples of a fragment in decoding order. Every `trun` of this product has durations and sizes;
/// flags unless `tfhd` has them for all, and composition offsets when needed.
pub(crate) fn samples(fragment: &[u8]) -> Vec<FragmentSample> {
    let traf = find(fragment, &[b"moof", b"traf"]).unwrap();
    let mut decoded = number(&find(traf, &[b"tfdt"]).unwrap()[4..12]) as i64;
    let trun = find(traf, &[b"trun"]).unwrap();
    let (flags, count) = (number(&trun[1..4]), number(&trun[4..8]));
    assert_eq!(flags & !0xc00, 0x301);
    let tfhd = find(traf, &[b"tfhd"]).unwrap();
    let for_all = (tfhd[3] & 0x20 != 0).then(|| &tfhd[tfhd.len() - 4..]);
    assert_eq!(for_all.is_none(), flags & 0x400 != 0, "flags stand in one place");
    let (own_flags, offset) = (flags >> 10 & 1, flags >> 11 & 1);
    let entries: Vec<&[u8]> = trun[12..].chunks_exact(8 + 4 * (own_flags + offset)).collect();
    assert_eq!(entries.len(), count);
    let read = |entry: &&[u8]| {
        let duration = number(&entry[..4]) as i64;
        let sample = FragmentSample {
            decoded,
            shown: decoded + if offset == 1 { signed(&entry[entry.len() - 4..]) } else { 0 },
            duration,
            size: number(&entry[4..8]),
            sync: number(for_all.unwrap_or_else(|| &entry[8..12])) & 0x1_0000 == 0,
        };
        decoded += duration;
        sample
    };
    entries.iter().map(read).collect()
}

/// What `senc` says of every sample, with IVs of this size; empty without the box.
pub(crate) fn protection(fragment: &[u8], iv_size: usize) -> Vec<Protected> {
    let Some(senc) = find(fragment, &[b"moof", b"traf", b"senc"]) else {
        return Vec::new();
    };
    let has_subsamples = senc[3] & 2 != 0;
    let mut rest = &senc[8..];
    let mut take = |count: usize| {
        let (taken, left) = rest.split_at(count);
        rest = left;
        taken
    };
    let mut all = Vec::new();
    for _ in 0..number(&senc[4..8]) {
        let iv = take(iv_size).to_vec();
        let count = if has_subsamples { number(take(2)) } else { 0 };
        let subsamples = (0..count).map(|_| (number(take(2)), number(take(4)))).collect();
        all.push(Protected { iv, subsamples });
    }
    assert!(rest.is_empty(), "bytes behind the last sample");
    all
}

/// The fragments of a file, each from its `moof` to the end of the file.
pub(crate) fn fragments(file: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut found) = (file, Vec::new());
    while rest.len() >= 8 {
        if &rest[4..8] == b"moof" {
            found.push(rest);
        }
        rest = &rest[number(&rest[..4])..];
    }
    found
}

/// The body of `tenc` in the first sample entry of an init segment.
pub(crate) fn encryption(init: &[u8]) -> &[u8] {
    /// Fields of a sample entry of pictures and of one of sound.
    const FIELDS: [usize; 2] = [78, 28];
    let stsd = find(init, &[b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"]).unwrap();
    let entry = &stsd[8..8 + number(&stsd[8..12])];
    let fields = FIELDS[usize::from(&entry[4..8] == b"enca")];
    find(&entry[8 + fields..], &[b"sinf", b"schi", b"tenc"]).unwrap()
}

/// The media data of a fragment.
pub(crate) fn payload(fragment: &[u8]) -> &[u8] {
    find(fragment, &[b"mdat"]).unwrap()
}
