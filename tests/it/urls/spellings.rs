//! One resource, many spellings: order, case and percent-encoding of a URL do not matter.

use crate::support::origin::get;
use crate::support::server::DevServer;

#[tokio::test]
async fn every_spelling_of_a_manifest_url_gives_the_same_bytes() {
    let stream = DevServer::shared().stream("cenc-open");
    let root = stream.root();
    let upper = root.replace(&stream.locator_id, &stream.locator_id.to_uppercase());
    let bare = root.replace(&stream.locator_id, &stream.locator_id.replace('-', ""));
    for (format, extension) in [("mpd-time-cmaf", ".mpd"), ("m3u8-cmaf", ".m3u8")] {
        let plain = format!("{root}manifest(format={format},encryption=cenc)");
        let expected = get(&plain).await;
        assert_eq!(expected.status, 200);
        for url in [
            format!("{root}Manifest(encryption=cenc,format={format})"),
            format!("{root}MANIFEST(Format={},ENCRYPTION=CENC)", format.to_uppercase()),
            format!("{root}manifest(format={format},%20encryption=cenc)"),
            format!("{root}manifest%28format%3D{format}%2Cencryption%3Dcenc%29"),
            format!("{root}%6danifest(format={format},encryption=%63enc)"),
            format!("{plain}{extension}"),
            format!("{plain}?cdn-token=abc&format=other"),
            format!("{upper}manifest(format={format},encryption=cenc)"),
            format!("{bare}manifest(format={format},encryption=cenc)"),
        ] {
            let answer = get(&url).await;
            assert_eq!(answer.header("etag"), expected.header("etag"), "{url}");
            assert!(answer.ok() == expected.body, "{url}");
        }
        // Encoded twice is another text.
        let twice = get(&plain.replace('(', "%2528").replace(')', "%2529")).await;
        assert_eq!(twice.refusal().1, "MPE_BAD_URL_SYNTAX");
    }
}

#[tokio::test]
async fn a_scheme_goes_by_its_own_name_too_and_what_is_unknown_is_told_beside_what_is_known() {
    let root = DevServer::shared().stream("cbcs-open").root();
    let manifest = |encryption| format!("{root}manifest(format=m3u8-cmaf,{encryption})");
    let expected = get(&manifest("encryption=cbcs-aapl")).await.ok();
    assert!(get(&manifest("encryption=cbcs")).await.ok() == expected);
    for (parameter, known) in [
        ("encryption=aes", "cbc, cenc, cbcs-aapl, cens, cbc1 and piff are known"),
        ("encrypt=cbcs", "format, encryption, filter, audio-only and audioTrack are known"),
    ] {
        let refused = get(&manifest(parameter)).await;
        let (status, code, message) = refused.refusal();
        assert_eq!((status, code), (400, "MPE_BAD_URL_SYNTAX"));
        assert!(message.contains(known), "{message}");
    }
}

#[tokio::test]
async fn every_spelling_of_a_child_url_gives_the_same_bytes() {
    for form in ["clear", "aes", "cenc", "cbcs"] {
        let stream = DevServer::shared().stream(&format!("{form}-open"));
        for plain in [stream.playlist().await, stream.init().await, stream.fragment(1).await] {
            let expected = get(&plain).await;
            assert_eq!(expected.status, 200, "{plain}");
            let encoded = plain.replace('(', "%28").replace(')', "%29");
            for url in [
                encoded.replace('=', "%3d").replace(',', "%2c"),
                plain.replace("QualityLevels", "qualitylevels").replace("Fragments", "FRAGMENTS"),
                plain.replace("encryption=", "Encryption="),
                format!("{plain}?x=y"),
            ] {
                assert!(get(&url).await.ok() == expected.body, "{url}");
            }
        }
    }
}
