//! How the pictures of a track are meant to be seen.

use crate::codec::dolby_vision::DolbyVision;
use crate::codec::{Codec, Colour, VideoRange};
use crate::isobmff::entry::VisualEntry;
use crate::isobmff::moov::tkhd::Tkhd;

/// Dolby Vision without a base layer that anything else could show: its colour is PQ, whatever the
/// stream says (profile 5).
const DOLBY_VISION_ONLY: u8 = 0;

/// How the pictures of a track are meant to be seen; all unset for sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Picture {
    /// Width to height of a pixel; `None` when pixels are square.
    pub pixel_aspect: Option<(u32, u32)>,
    /// Whether the track header turns the pictures by a quarter.
    pub turned: bool,
    /// Colour, from the `colr` box or, without one, from the codec configuration.
    pub colour: Option<Colour>,
    /// Dolby Vision.
    pub dolby_vision: Option<DolbyVision>,
}

impl Picture {
    pub(super) fn of(entry: &VisualEntry<'_>, codec: &Codec, header: &Tkhd) -> Self {
        Self {
            pixel_aspect: entry.pixel_aspect(),
            turned: header.is_turned(),
            colour: entry.colour().or(codec.colour()),
            dolby_vision: entry.dolby_vision(),
        }
    }

    /// The dynamic range.
    pub fn range(&self) -> VideoRange {
        match (self.dolby_vision, self.colour) {
            (Some(vision), _) if vision.compatibility == DOLBY_VISION_ONLY => VideoRange::Pq,
            (_, colour) => colour.map(Colour::range).unwrap_or_default(),
        }
    }

    /// The size in square pixels at which pictures of a coded size are shown.
    pub fn display_size(&self, (width, height): (u16, u16)) -> (u64, u64) {
        let (width, height) = (u64::from(width), u64::from(height));
        let (horizontal, vertical) = self.pixel_aspect.unwrap_or((1, 1));
        let width = (width * u64::from(horizontal)).div_ceil(u64::from(vertical).max(1));
        if self.turned { (height, width) } else { (width, height) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_and_turns_change_the_size_that_is_shown() {
        let wide = Picture { pixel_aspect: Some((64, 45)), ..Picture::default() };
        assert_eq!(wide.display_size((800, 640)), (1138, 640));
        let turned = Picture { turned: true, ..Picture::default() };
        assert_eq!(turned.display_size((1080, 720)), (720, 1080));
    }

    #[test]
    fn dolby_vision_without_a_base_layer_is_pq() {
        let vision = |compatibility| Picture {
            dolby_vision: Some(DolbyVision { profile: 8, level: 6, compatibility }),
            ..Picture::default()
        };
        assert_eq!(vision(0).range(), VideoRange::Pq);
        assert_eq!(vision(2).range(), VideoRange::Sdr);
    }
}
