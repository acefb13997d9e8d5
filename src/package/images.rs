//! Segments of image tracks: the images as they lie in the file (DASH-IF IOP 4.3 section 6.2.6).
//!
//! They are never encrypted: players hand their addresses to the browser, which shows what it gets.

use bytes::Bytes;

use super::compat::Compat;
use super::format::{Format, Protocol};
use super::plan::{Cipher, Extent, Plan};
use crate::bytes::ReadAt;
use crate::media::ImageRendition;

/// Why an image is not served.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The sample is no image of the codec of its track.
    #[error("sample {number} is no {codec} image")]
    NoImage {
        /// Its number in the track, counted from 1.
        number: u32,
        /// The codec.
        codec: &'static str,
    },
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Whether manifests of a format list images: where their players know how. AMS had none.
pub fn are_in(format: Format, compat: Compat) -> bool {
    let listed = match format.row().protocol {
        // The on-demand profile knows indexed files only.
        Protocol::Dash => !format.has_files(),
        // Clients of version 3 know nothing beside the variants.
        Protocol::Hls => !format.muxes_audio(),
        Protocol::Smooth | Protocol::Download => false,
    };
    listed && compat == Compat::Modern
}

/// Image `n` of a track; its first bytes are read to see that it is one.
///
/// # Errors
/// It is none, or reading failed.
pub fn segment<S: ReadAt + ?Sized>(
    images: &ImageRendition,
    n: usize,
    source: &S,
) -> Result<Plan, ImageError> {
    let track = &images.track;
    let cut = images.cuts.starts.get(n);
    let image = cut.and_then(|cut| track.image(cut.sample));
    let image = image.ok_or(std::io::Error::from(std::io::ErrorKind::NotFound))?;
    if !track.codec.begins(&track.front(&image, source)?) {
        let (number, codec) = (image.number + 1, track.codec.row().name);
        return Err(ImageError::NoImage { number, codec });
    }
    let extent = Extent { offset: image.offset, length: image.size.into() };
    Ok(Plan::new(Bytes::new(), vec![extent], Cipher::Clear))
}
