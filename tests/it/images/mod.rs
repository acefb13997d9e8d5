//! Thumbnails, by whole URLs: manifests and playlists that list them, images byte for byte, tracks
//! that are none.

mod dash;
mod hls;
mod segments;
mod sources;
