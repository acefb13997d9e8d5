//! Finds captions inside the pictures of a track: in the messages in front of the first ones.

use crate::bytes::ReadAt;
use crate::codec::Codec;
use crate::codec::captions::Captions;
use crate::codec::nal::NalUnits;
use crate::media::SampleIndex;

/// Pictures that are looked at: captions that begin later are not announced.
const PICTURES: u32 = 128;

/// Bytes of a picture that are looked at; messages stand in front.
const FRONT: u64 = 4096;

/// What the first pictures carry; nothing when they cannot be read, which says the answer that
/// needs them.
pub(super) fn detect<S: ReadAt + ?Sized>(
    codec: &Codec,
    index: &SampleIndex,
    source: &S,
) -> Captions {
    let mut captions = Captions::default();
    let Some(units) = NalUnits::of(codec) else { return captions };
    let mut buffer = Vec::new();
    for sample in index.samples(0..index.len().min(PICTURES)) {
        // At most `FRONT`.
        let length = usize::try_from(u64::from(sample.size).min(FRONT)).unwrap_or(0);
        buffer.resize(length, 0);
        if source.read_exact_at(sample.offset, &mut buffer).is_err() {
            return captions;
        }
        add_messages(&mut captions, &units, &buffer);
    }
    captions
}

fn add_messages(captions: &mut Captions, units: &NalUnits<'_>, mut rest: &[u8]) {
    // A delimiter has one byte behind the header.
    let header = units.syntax.delimiter.len() - 1;
    while let Some(length) = units.length_size.read(rest) {
        rest = rest.get(units.length_size.bytes()..).unwrap_or_default();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let unit = rest.get(..length.min(rest.len())).unwrap_or_default();
        if unit.first().is_some_and(|first| (units.syntax.kind)(*first) == units.syntax.message) {
            captions.add(unit, header);
        }
        rest = rest.get(length..).unwrap_or_default();
    }
}
