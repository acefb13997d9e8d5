//! What the configuration adds to answers: lifetimes, policies of plug-ins, content steering.

use std::fs;

use crate::support::origin::get;
use crate::support::server::DevServer;

#[tokio::test]
async fn plug_ins_may_read_everything_unless_a_file_says_otherwise() {
    let shared = &DevServer::shared().origin;
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("own.xml");
    fs::write(&own, "<cross-domain-policy/>").unwrap();
    let server = DevServer::builder()
        .variable("PORTCULLIS_ORIGIN_CROSS_DOMAIN_POLICY", own.to_str().unwrap())
        .variable("PORTCULLIS_ORIGIN_CLIENT_ACCESS_POLICY", own.to_str().unwrap())
        .start();
    for (name, root, open) in [
        ("crossdomain.xml", "cross-domain-policy", "<allow-access-from domain=\"*\""),
        ("clientaccesspolicy.xml", "access-policy", "<domain uri=\"http://*\"/>"),
    ] {
        let answer = get(&format!("{shared}/{name}")).await;
        assert_eq!(answer.header("content-type"), "application/xml");
        assert_eq!(answer.header("cache-control"), "public, max-age=3600");
        let document = roxmltree::Document::parse(answer.text()).unwrap();
        assert_eq!(document.root_element().tag_name().name(), root);
        assert!(answer.text().contains(open), "{}", answer.text());
        let answer = get(&format!("{}/{name}", server.ready.origin)).await;
        assert_eq!(answer.text(), "<cross-domain-policy/>");
    }
}

#[tokio::test]
async fn operators_set_how_long_manifests_and_media_are_kept() {
    let server = DevServer::builder().variable("PORTCULLIS_ORIGIN_MAX_CACHE_AGE", "5m").start();
    let stream = server.ready.stream("clear-open");
    let urls = [&stream.manifest("dash").url, &stream.playlist().await, &stream.fragment(0).await];
    for url in urls {
        assert_eq!(get(url).await.header("cache-control"), "public, max-age=300", "{url}");
    }
    let page = get(&format!("{}/player", server.ready.origin)).await;
    assert_eq!(page.header("cache-control"), "no-cache");
    let gone = get(&stream.url("QualityLevels(1)/Fragments(video=0,format=m3u8-cmaf)")).await;
    assert_eq!(gone.header("cache-control"), "public, max-age=10");
}

#[tokio::test]
async fn steering_servers_stand_in_manifests() {
    let server = DevServer::builder()
        .variable("PORTCULLIS_STEERING_HLS_SERVER", "https://steer.example/hls?a=1&b=2")
        .variable("PORTCULLIS_STEERING_HLS_PATHWAY", "CDN-A")
        .variable("PORTCULLIS_STEERING_DASH_SERVER", "https://steer.example/dash?a=1&b=2")
        .variable("PORTCULLIS_STEERING_DASH_SERVICE_LOCATION", "alpha")
        .start();
    let stream = server.ready.stream("clear-open");
    for format in ["m3u8-cmaf", "m3u8-aapl"] {
        let master = get(&stream.url(&format!("manifest(format={format})"))).await;
        let text = master.text();
        let tag = "#EXT-X-CONTENT-STEERING:SERVER-URI=\"https://steer.example/hls?a=1&b=2\",\
                   PATHWAY-ID=\"CDN-A\"\n";
        assert_eq!(text.matches(tag).count(), 1, "{text}");
        let variants = text.lines().filter(|line| line.contains("STREAM-INF:"));
        assert!(variants.clone().count() > 0);
        assert!(variants.clone().all(|line| line.contains(",PATHWAY-ID=\"CDN-A\"")), "{text}");
        m3u8_rs::parse_master_playlist_res(text.as_bytes()).unwrap();
    }
    let mpd = get(&stream.manifest("dash").url).await;
    let document = roxmltree::Document::parse(mpd.text()).unwrap();
    let children: Vec<_> = document.root_element().children().filter(|n| n.is_element()).collect();
    let names: Vec<&str> = children.iter().map(|child| child.tag_name().name()).collect();
    assert_eq!(names, ["BaseURL", "ContentSteering", "Period"]);
    assert_eq!(children[0].attribute("serviceLocation"), Some("alpha"));
    assert_eq!(children[1].attribute("defaultServiceLocation"), Some("alpha"));
    assert_eq!(children[1].text(), Some("https://steer.example/dash?a=1&b=2"));
}

#[tokio::test]
async fn without_steering_manifests_do_not_speak_of_it() {
    let stream = DevServer::shared().stream("clear-open");
    for manifest in &stream.manifests {
        let text = String::from_utf8(get(&manifest.url).await.ok()).unwrap();
        assert!(!text.to_lowercase().contains("steering") && !text.contains("PATHWAY"), "{text}");
    }
}
