//! The pages that people use: the start page with every stream, the player, and what they load.
//!
//! All files are embedded at build; nothing comes from the internet at run time. Their names do
//! not change with their content, so caches keep them but ask each time.

use std::io::Read;
use std::sync::OnceLock;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use data_encoding::HEXLOWER;
use flate2::Compression;
use flate2::read::GzEncoder;
use jiff::Timestamp;
use ring::digest;

use super::conditional;
use super::host;
use super::problem::Problem;
use super::start_page;
use crate::service::streams::Catalog;
use crate::store::StoreError;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

/// The player page may play from any origin; players make workers and media of blobs.
const SECURITY: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; connect-src *; media-src * blob:; img-src 'self' data:; \
             worker-src blob:; object-src 'none'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

macro_rules! embedded {
    ($($name:literal => $kind:expr, $file:literal;)*) => {
        [$(File {
            name: $name,
            kind: $kind,
            content: include_bytes!(concat!("../../web/", $file)),
            plain: OnceLock::new(),
            gzip: OnceLock::new(),
        }),*]
    };
}

/// Every embedded file by its path below `/assets/`.
static FILES: [File; 13] = embedded! {
    "player.html" => HTML, "src/player.html";
    "style.css" => CSS, "src/style.css";
    "icon.svg" => SVG, "src/icon.svg";
    "page.js" => JS, "src/page.js";
    "pairs.js" => JS, "src/pairs.js";
    "players.js" => JS, "src/players.js";
    "watch.js" => JS, "src/watch.js";
    "shaka-player.js" => JS, "node_modules/shaka-player/dist/shaka-player.compiled-es2021.js";
    "dash.js" => JS, "node_modules/dashjs/dist/modern/umd/dash.all.min.js";
    "hls.js" => JS, "node_modules/hls.js/dist/hls.min.js";
    "licences/shaka-player.txt" => TEXT, "node_modules/shaka-player/LICENSE";
    "licences/dash.txt" => TEXT, "node_modules/dashjs/LICENSE.md";
    "licences/hls.txt" => TEXT, "node_modules/hls.js/LICENSE";
};

/// An embedded file; its encodings are made when they are first asked for.
struct File {
    name: &'static str,
    kind: &'static str,
    content: &'static [u8],
    plain: OnceLock<Encoded>,
    gzip: OnceLock<Encoded>,
}

/// The bytes of one encoding and their entity tag.
struct Encoded {
    bytes: Bytes,
    etag: String,
}

impl File {
    fn plain(&self) -> &Encoded {
        self.plain.get_or_init(|| Encoded::new(Bytes::from_static(self.content)))
    }

    fn gzip(&self) -> &Encoded {
        self.gzip.get_or_init(|| Encoded::new(Bytes::from(compressed(self.content))))
    }
}

impl Encoded {
    fn new(bytes: Bytes) -> Self {
        let hash = digest::digest(&digest::SHA256, &bytes);
        let etag = format!("\"{}\"", HEXLOWER.encode(&hash.as_ref()[..16]));
        Self { bytes, etag }
    }
}

fn compressed(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() / 2);
    // Reading from memory does not fail, so neither does this.
    let _ = GzEncoder::new(content, Compression::default()).read_to_end(&mut out);
    out
}

/// `/`, `/player`, `/assets/...` and `/streams.json`.
pub(super) fn routes(catalog: Catalog) -> Router {
    Router::new()
        .route("/", get(start))
        .route("/streams.json", get(streams))
        .with_state(catalog)
        .route("/player", get(|headers: HeaderMap| async move { serve("player.html", &headers) }))
        .route("/assets/{*name}", get(asset))
}

async fn start(State(catalog): State<Catalog>) -> Result<Response, Problem> {
    let streams = catalog.listed(Timestamp::now()).await.map_err(unavailable)?;
    let page = start_page::render(catalog.origin(), &streams);
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(HTML))];
    Ok((kind, SECURITY, fresh(), page.into_string()).into_response())
}

async fn streams(
    State(catalog): State<Catalog>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let streams = catalog.listed(Timestamp::now()).await.map_err(unavailable)?;
    let told = host::named(&uri, &headers).is_some_and(|host| catalog.is_own_host(host));
    let mut streams = streams.to_vec();
    if !told {
        streams.iter_mut().for_each(|stream| stream.token = None);
    }
    let list = Json(serde_json::json!({ "streams": streams }));
    Ok((SECURITY, fresh(), list).into_response())
}

/// Lists change with every command, and in `dev` they hold a token.
fn fresh() -> [(HeaderName, HeaderValue); 1] {
    [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))]
}

fn unavailable(error: StoreError) -> Problem {
    tracing::error!(%error, "the list of streams cannot be read");
    Problem {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "store-unavailable",
        title: "The list of streams cannot be read now",
        detail: "The database did not answer; the log has the reason.".to_owned(),
    }
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    serve(&name, &headers)
}

fn serve(name: &str, headers: &HeaderMap) -> Response {
    let Some(file) = FILES.iter().find(|file| file.name == name) else {
        return Problem {
            status: StatusCode::NOT_FOUND,
            code: "not-found",
            title: "There is nothing at this address",
            detail: "No page asset has this name.".to_owned(),
        }
        .into_response();
    };
    let zipped = accepts_gzip(headers);
    let form = if zipped { file.gzip() } else { file.plain() };
    let mut response = if conditional::precondition_failed(headers, &form.etag) {
        StatusCode::PRECONDITION_FAILED.into_response()
    } else if conditional::not_modified(headers, &form.etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(file.kind))];
        (kind, form.bytes.clone()).into_response()
    };
    let fields = response.headers_mut();
    fields.extend(SECURITY);
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    fields.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Ok(etag) = HeaderValue::from_str(&form.etag) {
        fields.insert(header::ETAG, etag);
    }
    if zipped {
        fields.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Whether `Accept-Encoding` names gzip, and not with a weight of zero (RFC 9110 section 12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
            name.trim().eq_ignore_ascii_case("gzip").then_some(weight.trim())
        })
        .any(|weight| {
            let weight = weight.strip_prefix("q=").or_else(|| weight.strip_prefix("Q="));
            weight.and_then(|weight| weight.parse().ok()).is_none_or(|weight: f32| weight > 0.0)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_given_to_those_who_ask_for_it() {
        for (accept, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("deflate,gzip", true),
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("identity", false),
            ("xgzip", false),
            ("", false),
        ] {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT_ENCODING, accept.parse().unwrap())]);
            assert_eq!(accepts_gzip(&headers), expected, "{accept}");
        }
    }
}
