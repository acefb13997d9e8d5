//! Open bitstream units (AV1 specification, sections 5.3 and 4.10.5).

/// obu_type of a sequence header.
pub(super) const SEQUENCE_HEADER: u8 = 1;
/// obu_type of a frame header by itself.
pub(super) const FRAME_HEADER: u8 = 3;
/// obu_type of tiles.
pub(super) const TILE_GROUP: u8 = 4;
/// obu_type of a frame header with tiles behind it.
pub(super) const FRAME: u8 = 6;

/// Bytes of the longest header: type, extension, size.
pub const MAX_HEADER: usize = 10;

/// Header of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obu {
    /// obu_type.
    pub(super) kind: u8,
    /// temporal_id and spatial_id.
    pub(super) layer: [u8; 2],
    /// Bytes of the header, size field included.
    pub header: usize,
    /// Bytes of the payload.
    pub payload: usize,
}

impl Obu {
    /// Reads the header of a unit that may take `room` bytes; `front` is the unit, or at least
    /// [`MAX_HEADER`] bytes of it. `None` when it does not fit, or there is none.
    pub fn read(front: &[u8], room: usize) -> Option<Self> {
        let first = *front.first()?;
        let (kind, extended, sized) = (first >> 3 & 15, first & 4 != 0, first & 2 != 0);
        let start = if extended { 2 } else { 1 };
        let extension = if extended { *front.get(1)? } else { 0 };
        let layer = [extension >> 5, extension >> 3 & 3];
        let (payload, bytes) =
            if sized { leb128(front.get(start..)?)? } else { (room.checked_sub(start)?, 0) };
        let header = start + bytes;
        let fits = header.checked_add(payload).is_some_and(|end| end <= room);
        fits.then_some(Self { kind, layer, header, payload })
    }
}

/// Value and how many bytes it takes; at most 2^32 - 1.
fn leb128(data: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_u64;
    for (n, byte) in data.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()? as usize, n + 1));
        }
    }
    None
}
