//! Subtitles and captions, by whole URLs: playlists and WebVTT segments, fragments for DASH, text
//! files that are broken.

mod captions;
mod dash;
mod golden;
mod hls;
mod smooth;
mod sources;
