//! Origin-assist prefetch: a CDN that says so is told with each fragment which one comes next
//! (ams.md section 2.7). The request that follows from it names itself and is told nothing, so that
//! one viewer never pulls a whole film.

use axum::http::{HeaderMap, HeaderName};

use crate::service::origin::Following;

const ENABLED: HeaderName = HeaderName::from_static("cdn-origin-assist-prefetch-enabled");
const REQUEST: HeaderName = HeaderName::from_static("cdn-origin-assist-prefetch-request");

/// Of the answer: URL of the next fragment, relative to the one that was asked for.
pub(super) const PATH: HeaderName = HeaderName::from_static("cdn-origin-assist-prefetch-path");

/// Whether the client wants to be told.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let is_one = |name| headers.get(name).is_some_and(|value: &_| value == "1");
    is_one(ENABLED) && !is_one(REQUEST)
}

/// The last component of `path`, a URL of a fragment, with the start of the next one in the place
/// of its own: spelled as the client spells it, for that is what its cache knows.
pub(super) fn next(path: &str, following: Following) -> Option<String> {
    let leaf = path.rsplit('/').next()?;
    let own = following.start.to_string();
    // The time stands behind the first equals sign.
    let at =
        ["=", "%3D", "%3d"].iter().filter_map(|sign| Some(leaf.find(sign)? + sign.len())).min()?;
    let (front, time) = leaf.split_at(at);
    let rest = time.strip_prefix(&own)?;
    Some(format!("{front}{}{rest}", following.next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_replaced_and_the_rest_stays_as_it_was_spelled() {
        let following = Following { start: 6, next: 120_000_000 };
        for (path, expected) in [
            (
                "/id/a.ism/QualityLevels(6)/Fragments(video=6,format=mpd-time-cmaf)",
                Some("Fragments(video=120000000,format=mpd-time-cmaf)"),
            ),
            ("/a.ism/QualityLevels(6)/fragments(v6=6)", Some("fragments(v6=120000000)")),
            (
                "/a.ism/Q/Fragments%28v%3D6%2Cformat%3dx%29",
                Some("Fragments%28v%3D120000000%2Cformat%3dx%29"),
            ),
            ("/a.ism/Q/Fragments(v=%36)", None),
            ("/a.ism/Q/Fragments(v)", None),
        ] {
            assert_eq!(next(path, following).as_deref(), expected, "{path}");
        }
    }
}
