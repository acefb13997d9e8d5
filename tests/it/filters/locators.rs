//! Filters of a locator are always applied, and children name them (ams.md sections 2.5, 14.1).

use serde_json::Value;

use crate::support::filters::{FRAGMENT, Filtered, LEVELS, command, shown};
use crate::support::origin::{get, hls_children};

#[tokio::test]
async fn filters_of_the_locator_are_applied_and_written_out_in_children() {
    let server = Filtered::shared();
    let root = server.published(&["--filter", "middle", "--filter", "German"]);
    let found = shown(&format!("{root}manifest(format=mpd-time-cmaf)")).await;
    assert_eq!((found.languages, found.starts), (vec!["de".into()], vec![FRAGMENT, 2 * FRAGMENT]));
    let master = format!("{root}manifest(format=m3u8-cmaf)");
    for child in hls_children(&master).await {
        assert!(child.contains("filter=middle;german)"), "{child}");
        assert_eq!(get(&child).await.status, 200);
    }
    // On top of them the URL may name three of its own.
    let found = shown(&format!("{root}manifest(format=mpd-time-cmaf,filter=low;a;b)")).await;
    assert_eq!(found.video, &LEVELS[1..]);
    let master = format!("{root}manifest(format=m3u8-cmaf,filter=low;a;b)");
    for child in hls_children(&master).await {
        assert!(child.contains("filter=low;a;b;middle;german)"), "{child}");
        assert_eq!(get(&child).await.status, 200);
    }
    let four = get(&format!("{root}manifest(format=m3u8-cmaf,filter=low;a;b;c)")).await;
    assert_eq!(four.refusal().1, "MPE_FILTER_COMPOSITION_FILTER_COUNT_OVER_LIMIT");
}

#[test]
fn a_locator_takes_ten_filters_that_are_there() {
    let server = Filtered::shared();
    let dir = server.server.data.join("assets/gate");
    let add = |filters: &[&str]| {
        let mut arguments = vec!["add", dir.to_str().unwrap(), "--streaming-policy", "clear"];
        arguments.extend(filters.iter().flat_map(|filter| ["--filter", filter]));
        let output = command(&server.server.data, &arguments, &Value::Null);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = add(&["nobody"]);
    assert_eq!((code, said.contains("filter nobody does not exist")), (Some(1), true), "{said}");
    let (code, said) = add(&["a"; 11]);
    assert_eq!((code, said.contains("at most 10 filters")), (Some(1), true), "{said}");
    assert_eq!(add(&["a"; 10]).0, Some(0));
}
