//! Still images in tracks: thumbnails for scrub bars. They are neither pictures of a film nor
//! packaged as such: each is served as the file that it is.

/// What images are coded in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageCodec {
    /// JPEG (ISO/IEC 10918-1).
    Jpeg,
    /// PNG.
    Png,
}

/// One row of the table of image codecs.
#[derive(Debug)]
pub struct Row {
    /// The codec.
    pub codec: ImageCodec,
    /// Types of sample entries: those of QuickTime and of ISO/IEC 23008-12 annex H.
    sample_entries: &'static [&'static [u8; 4]],
    /// Object type indication in the `esds` of an `mp4v` entry (the registry of mp4ra.org).
    object_type: u8,
    /// Bytes that every image starts with.
    signature: &'static [u8],
    /// MIME type.
    pub content_type: &'static str,
    /// The name in messages and CODECS attributes.
    pub name: &'static str,
}

/// Every image codec, in the order of [`ImageCodec`].
const TABLE: &[Row] = &[
    Row {
        codec: ImageCodec::Jpeg,
        sample_entries: &[b"jpeg", b"mjpg"],
        object_type: 0x6c,
        signature: &[0xff, 0xd8, 0xff],
        content_type: "image/jpeg",
        name: "jpeg",
    },
    Row {
        codec: ImageCodec::Png,
        sample_entries: &[b"png "],
        object_type: 0x6d,
        signature: b"\x89PNG\r\n\x1a\n",
        content_type: "image/png",
        name: "png",
    },
];

/// Enough bytes of an image to tell whether it is one.
pub const SIGNATURE: usize = 8;

impl ImageCodec {
    /// The codec of a sample entry type.
    pub fn of_entry(sample_entry: [u8; 4]) -> Option<Self> {
        let row = TABLE.iter().find(|row| row.sample_entries.contains(&&sample_entry));
        row.map(|row| row.codec)
    }

    /// The codec of an object type indication.
    pub fn of_object_type(object_type: u8) -> Option<Self> {
        TABLE.iter().find(|row| row.object_type == object_type).map(|row| row.codec)
    }

    /// The table row of this codec.
    pub fn row(self) -> &'static Row {
        // A test holds the order.
        &TABLE[self as usize]
    }

    /// Whether an image that starts with `front` is one of this codec.
    pub fn begins(self, front: &[u8]) -> bool {
        front.starts_with(self.row().signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_codec_and_its_names() {
        for row in TABLE {
            assert_eq!(row.codec.row().codec, row.codec);
            assert!(row.signature.len() <= SIGNATURE && row.codec.begins(row.signature));
            assert_eq!(ImageCodec::of_object_type(row.object_type), Some(row.codec));
            for entry in row.sample_entries {
                assert_eq!(ImageCodec::of_entry(**entry), Some(row.codec));
            }
        }
        assert_eq!(ImageCodec::of_entry(*b"avc1"), None);
        assert!(!ImageCodec::Jpeg.begins(b"\xff\xd8"));
    }
}
