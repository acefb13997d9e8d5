//! ffmpeg as a player: it fetches playlists, keys and segments over plain HTTP and decodes them.

use super::titles::TITLES;
use crate::support::oracle::decodes_without_complaint;

#[test]
fn ffmpeg_plays_every_aes_128_playlist_to_its_end() {
    for title in TITLES {
        let streams: Vec<_> = title
            .open_streams()
            .filter(|stream| stream.name.ends_with("aes-open"))
            .collect();
        assert_eq!(streams.len(), 1, "AES streams of {}", title.prefix);
        let url = &streams[0].manifest("hls").url;
        decodes_without_complaint(url, "v:0");
        decodes_without_complaint(url, "a:0");
    }
}
