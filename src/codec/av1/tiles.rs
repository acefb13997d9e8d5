//! Tile info and the headers of tile groups (AV1 specification, sections 5.9.15 and 5.11.1).

use crate::bytes::{PlainBits, Truncated};

/// Limits of annex A and section 3.
const MAX_TILE_WIDTH: u32 = 4096;
const MAX_TILE_AREA: u32 = 4096 * 2304;
const MAX_TILES_A_SIDE: u32 = 64;

/// How a frame is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TileInfo {
    /// TileCols times TileRows.
    count: u32,
    /// Bits of a tile's number.
    number_bits: usize,
    /// TileSizeBytes.
    size_bytes: usize,
}

/// The tiles of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TileGroup {
    /// How many tiles there are.
    pub count: u32,
    /// Bytes of the little-endian number in front of each tile but the last, which is one less than
    /// the tile has bytes.
    pub size_bytes: usize,
    /// Whether the frame is complete with them.
    pub(super) ends_frame: bool,
}

/// What one direction is divided into.
struct Division {
    tiles: u32,
    log2: u32,
}

impl TileInfo {
    /// Reads `tile_info` for a frame of `size` samples.
    pub(super) fn parse(
        bits: &mut PlainBits<'_>,
        [width, height]: [u32; 2],
        large_superblocks: bool,
    ) -> Result<Self, Truncated> {
        let shift = if large_superblocks { 7 } else { 6 };
        // Sizes count whole blocks of 8 samples first.
        let blocks = |samples: u32| samples.next_multiple_of(8).div_ceil(1 << shift);
        let (columns, rows) = (blocks(width), blocks(height));
        if columns == 0 || rows == 0 {
            // Of the size of a reference that is not there.
            return Err(Truncated);
        }
        let max_width = MAX_TILE_WIDTH >> shift;
        let max_area = MAX_TILE_AREA >> (2 * shift);
        let min_columns = log2_at_least(max_width, columns);
        let min_tiles = min_columns.max(log2_at_least(max_area, columns * rows));
        let (x, y) = if bits.flag()? {
            let x = uniform(bits, columns, min_columns)?;
            let y = uniform(bits, rows, min_tiles.saturating_sub(x.log2))?;
            (x, y)
        } else {
            let (x, widest) = explicit(bits, columns, max_width)?;
            let area =
                if min_tiles > 0 { (columns * rows) >> (min_tiles + 1) } else { columns * rows };
            let (y, _) = explicit(bits, rows, (area / widest.max(1)).max(1))?;
            (x, y)
        };
        let number_bits = (x.log2 + y.log2) as usize;
        let mut size_bytes = 0;
        if number_bits > 0 {
            bits.skip(number_bits)?; // context_update_tile_id
            size_bytes = bits.take(2)? as usize + 1;
        }
        Ok(Self { count: x.tiles * y.tiles, number_bits, size_bytes })
    }

    /// Reads the header of a tile group up to its first tile.
    pub(super) fn group(self, bits: &mut PlainBits<'_>) -> Result<TileGroup, Truncated> {
        let (mut first, mut last) = (0, self.count - 1);
        if self.count > 1 && bits.flag()? {
            (first, last) = (bits.take(self.number_bits)?, bits.take(self.number_bits)?);
        }
        if first > last || last >= self.count {
            return Err(Truncated);
        }
        let ends_frame = last == self.count - 1;
        Ok(TileGroup { count: last - first + 1, size_bytes: self.size_bytes, ends_frame })
    }
}

/// Tiles of one size.
fn uniform(bits: &mut PlainBits<'_>, blocks: u32, min_log2: u32) -> Result<Division, Truncated> {
    let max_log2 = log2_at_least(1, blocks.min(MAX_TILES_A_SIDE));
    let mut log2 = min_log2;
    while log2 < max_log2 && bits.flag()? {
        log2 += 1;
    }
    let side = blocks.div_ceil(1 << log2.min(31));
    Ok(Division { tiles: blocks.div_ceil(side.max(1)), log2 })
}

/// Tiles that each tell their size in blocks; gives the largest size too.
fn explicit(
    bits: &mut PlainBits<'_>,
    blocks: u32,
    max_side: u32,
) -> Result<(Division, u32), Truncated> {
    let (mut tiles, mut start, mut largest) = (0, 0, 0);
    while start < blocks {
        let side = below(bits, (blocks - start).min(max_side))? + 1;
        largest = largest.max(side);
        start += side;
        tiles += 1;
    }
    if tiles > MAX_TILES_A_SIDE {
        return Err(Truncated);
    }
    Ok((Division { tiles, log2: log2_at_least(1, tiles) }, largest))
}

/// The smallest k for which `unit` times 2^k is at least `target`.
fn log2_at_least(unit: u32, target: u32) -> u32 {
    (0..31).find(|k| u64::from(unit) << k >= u64::from(target)).unwrap_or(31)
}

/// A value below `n`, coded without waste (section 4.10.7).
pub(super) fn below(bits: &mut PlainBits<'_>, n: u32) -> Result<u32, Truncated> {
    let width = u32::BITS - n.leading_zeros();
    let short = (1_u32 << width.min(31)) - n;
    let value = bits.take(width.saturating_sub(1) as usize)?;
    if value < short { Ok(value) } else { Ok((value << 1) - short + bits.take(1)?) }
}
