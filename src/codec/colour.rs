//! Colour by code points (ISO/IEC 23091-2, "CICP"), as `colr` boxes and video streams say it.

/// How the colours of a picture are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colour {
    /// ColourPrimaries: 1 BT.709, 9 BT.2020.
    pub primaries: u8,
    /// TransferCharacteristics: 1 BT.709, 16 PQ, 18 HLG.
    pub transfer: u8,
    /// MatrixCoefficients.
    pub matrix: u8,
    /// VideoFullRangeFlag.
    pub full_range: bool,
}

/// SMPTE ST 2084.
const PQ: u8 = 16;
/// ARIB STD-B67.
const HLG: u8 = 18;

/// The code points of standard definition and HD that say nothing special: 1 is BT.709, 2
/// "unspecified".
const PLAIN: [u8; 2] = [1, 2];

/// How bright a picture can get, in the words of HLS (RFC 8216bis section 4.4.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum VideoRange {
    /// Standard dynamic range.
    #[default]
    Sdr,
    /// Hybrid log-gamma.
    Hlg,
    /// Perceptual quantizer.
    Pq,
}

impl Colour {
    /// The dynamic range of the transfer characteristics.
    pub fn range(self) -> VideoRange {
        match self.transfer {
            PQ => VideoRange::Pq,
            HLG => VideoRange::Hlg,
            _ => VideoRange::Sdr,
        }
    }

    /// Whether codec strings may leave the colour out: BT.709 or unspecified, limited range.
    pub fn is_plain(self) -> bool {
        let plain = [self.primaries, self.transfer, self.matrix];
        !self.full_range && plain.iter().all(|value| PLAIN.contains(value))
    }
}

impl VideoRange {
    /// The value of VIDEO-RANGE.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sdr => "SDR",
            Self::Hlg => "HLG",
            Self::Pq => "PQ",
        }
    }
}
