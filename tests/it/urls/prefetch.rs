//! Origin-assist prefetch (ams.md section 2.7): a CDN that asks is told the next fragment.

use crate::support::origin::{Answer, get, get_with};
use crate::support::server::DevServer;

const ENABLED: (&str, &str) = ("cdn-origin-assist-prefetch-enabled", "1");
const PATH: &str = "cdn-origin-assist-prefetch-path";

/// The addresses of the fragments of a playlist.
async fn fragments(playlist: &str) -> Vec<String> {
    let text = String::from_utf8(get(playlist).await.ok()).unwrap();
    let (folder, _) = playlist.rsplit_once('/').unwrap();
    let leaves = text.lines().filter(|line| line.starts_with("Fragments("));
    leaves.map(|leaf| format!("{folder}/{leaf}")).collect()
}

fn told(answer: &Answer) -> Option<&str> {
    Some(answer.header(PATH)).filter(|path| !path.is_empty())
}

#[tokio::test]
async fn each_fragment_but_the_last_names_the_next() {
    for form in ["clear", "cenc", "aes"] {
        let stream = DevServer::shared().stream(&format!("{form}-open"));
        let fragments = fragments(&stream.playlist().await).await;
        assert!(fragments.len() > 2);
        for (url, next) in fragments.iter().zip(&fragments[1..]) {
            let answer = get_with(url, &[ENABLED]).await;
            let (folder, _) = url.rsplit_once('/').unwrap();
            let path = told(&answer).expect("a fragment comes next");
            assert_eq!(&format!("{folder}/{path}"), next);
            assert_eq!(get(next).await.status, 200);
            // Also when the CDN has the fragment already.
            let known = [ENABLED, ("if-none-match", answer.header("etag"))];
            let known = get_with(url, &known).await;
            assert_eq!((known.status.as_u16(), told(&known)), (304, Some(path)));
        }
        let last = get_with(fragments.last().unwrap(), &[ENABLED]).await;
        assert_eq!((last.status.as_u16(), told(&last)), (200, None));
    }
}

#[tokio::test]
async fn who_does_not_ask_is_told_nothing() {
    let stream = DevServer::shared().stream("clear-open");
    let fragment = stream.fragment(0).await;
    for headers in [
        &[][..],
        &[("cdn-origin-assist-prefetch-enabled", "0")],
        // A prefetch of its own accord would pull the whole film.
        &[ENABLED, ("cdn-origin-assist-prefetch-request", "1")],
    ] {
        assert_eq!(told(&get_with(&fragment, headers).await), None, "{headers:?}");
    }
    for url in [&stream.manifest("hls").url, &stream.playlist().await, &stream.init().await] {
        assert_eq!(told(&get_with(url, &[ENABLED]).await), None, "{url}");
    }
}
