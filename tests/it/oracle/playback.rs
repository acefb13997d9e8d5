//! ffmpeg as a player: it fetches playlists, keys and segments over plain HTTP and decodes them.

use super::titles::{CLIP, LADDER, MUXED};
use crate::support::oracle::decodes_without_complaint;

#[test]
fn ffmpeg_plays_every_aes_128_playlist_to_its_end() {
    for title in [CLIP, LADDER, MUXED] {
        let server = title.serve();
        let url = &server.ready.stream("aes-open").manifest("hls").url;
        decodes_without_complaint(url, "v:0");
        decodes_without_complaint(url, "a:0");
    }
}
