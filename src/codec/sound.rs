//! What codecs of sound have in common.

/// Sound as a decoder gives it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sound {
    /// Number of channels, that of low frequencies included; 0 when only the stream tells.
    pub channels: u8,
    /// Sampling rate in Hz.
    pub sampling_rate: u32,
}
