//! ID3 tags of version 2.4 with private frames (id3.org, sections 3.1, 4 and 4.27), as players of HLS
//! read them.

/// Bytes of the header of a tag, and of each frame.
const HEADER: usize = 10;

/// Bytes of a tag with one private frame of `owner` with `data` bytes.
pub const fn private_length(owner: &str, data: usize) -> usize {
    2 * HEADER + owner.len() + 1 + data
}

/// A tag of private frames: owner and data of each. All together are short: sizes have 28 bits.
pub fn private(frames: &[(&str, &[u8])]) -> Vec<u8> {
    let body = frames.iter().flat_map(|(owner, data)| frame(owner, data)).collect::<Vec<u8>>();
    [b"ID3\x04\x00\x00", &synchsafe(body.len())[..], &body].concat()
}

fn frame(owner: &str, data: &[u8]) -> Vec<u8> {
    let size = synchsafe(owner.len() + 1 + data.len());
    [b"PRIV", &size[..], &[0, 0], owner.as_bytes(), &[0], data].concat()
}

/// Seven bits in each byte, so that no size looks like the start of a frame of sound.
fn synchsafe(size: usize) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| (size >> shift & 0x7f) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_what_the_standard_says() {
        let tag = private(&[("a.b", &[1, 2])]);
        assert_eq!(
            tag,
            b"ID3\x04\x00\x00\x00\x00\x00\x10PRIV\x00\x00\x00\x06\x00\x00a.b\x00\x01\x02"
        );
        assert_eq!(tag.len(), private_length("a.b", 2));
        let long = private(&[("a", &[0; 300]), ("b", &[])]);
        assert_eq!(long[6..10], [0, 0, 2, 68]);
        assert_eq!(long[14..18], [0, 0, 2, 46]);
        assert_eq!(long.len(), 10 + 2 * 128 + 68);
    }
}
