//! How many thumbnails a sheet holds: columns and rows, read from left to right and downwards.

use std::fmt;
use std::str::FromStr;

/// More columns or rows are no grid: words like `320x180` in names tell the size of pictures.
const MOST: u16 = 99;

/// Thumbnails of fewer pixels a side are none.
const SMALLEST: u16 = 16;

/// The thumbnails of a sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grid {
    /// Thumbnails side by side.
    pub columns: u16,
    /// Lines of thumbnails.
    pub rows: u16,
}

/// The text is no grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a grid is COLUMNSxROWS, each from 1 to 99")]
pub struct NoGrid;

impl Grid {
    /// Each image is one thumbnail.
    pub const SINGLE: Self = Self { columns: 1, rows: 1 };

    /// What the name of a file says: its last word of the form `10x10`.
    pub(super) fn of_name(file: &str) -> Option<Self> {
        let (stem, _) = file.rsplit_once('.').unwrap_or((file, ""));
        stem.rsplit(['.', '_', '-', ' ']).find_map(|word| word.parse().ok())
    }

    /// Width and height of a thumbnail in sheets of that size; `None` when they do not divide.
    pub fn tile(self, (width, height): (u16, u16)) -> Option<(u16, u16)> {
        let side = |whole: u16, parts: u16| {
            let side = whole / parts;
            (whole.is_multiple_of(parts) && (parts == 1 || side >= SMALLEST)).then_some(side)
        };
        Some((side(width, self.columns)?, side(height, self.rows)?))
    }

    /// How many thumbnails a sheet holds.
    pub fn tiles(self) -> u32 {
        u32::from(self.columns) * u32::from(self.rows)
    }
}

impl FromStr for Grid {
    type Err = NoGrid;

    fn from_str(text: &str) -> Result<Self, NoGrid> {
        let (columns, rows) = text.split_once(['x', 'X']).ok_or(NoGrid)?;
        let number = |text: &str| {
            let plain = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|_| plain);
            number.filter(|number| (1..=MOST).contains(number)).ok_or(NoGrid)
        };
        Ok(Self { columns: number(columns)?, rows: number(rows)? })
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.columns, self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_grids_and_sizes_of_pictures_are_none() {
        for (file, expected) in [
            ("thumbs_10x10.mp4", Some((10, 10))),
            ("film-4X2.small.mp4", Some((4, 2))),
            ("film_5x5_320x180.mp4", Some((5, 5))),
            ("5x1.mp4", Some((5, 1))),
            ("thumbs_320x180.mp4", None),
            ("thumbs_0x5.mp4", None),
            ("thumbs_100x1.mp4", None),
            ("thumbs_+5x5.mp4", None),
            ("thumbs_5x5x5.mp4", None),
            ("thumbs.mp4", None),
            ("x.mp4", None),
        ] {
            let found = Grid::of_name(file).map(|grid| (grid.columns, grid.rows));
            assert_eq!(found, expected, "{file}");
        }
    }

    #[test]
    fn sheets_divide_into_whole_thumbnails() {
        let tile = |grid: &str, size| grid.parse::<Grid>().unwrap().tile(size);
        assert_eq!(tile("4x2", (640, 180)), Some((160, 90)));
        assert_eq!(tile("3x2", (640, 180)), None);
        assert_eq!(tile("64x36", (640, 360)), None, "ten pixels are no thumbnail");
        assert_eq!(tile("1x1", (8, 8)), Some((8, 8)));
    }
}
