//! The pages that people use: the start page with every stream, the player, and what they load.
//!
//! All files are embedded at build; nothing comes from the internet at run time. Their names do
//! not change with their content, so caches keep them but ask each time.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use jiff::Timestamp;

use super::host;
use super::problem::Problem;
use super::respond::{Lifetimes, respond};
use super::start_page;
use crate::coding::Text;
use crate::license::tester::{self, Switch};
use crate::service::origin::{Answer, CachePolicy, Content};
use crate::service::streams::{Catalog, KeyInfo, Stream};
use crate::service::test_page::Listed;
use crate::store::StoreError;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JSON: &str = "application/json";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

/// The player page may play from any origin; players make workers and media of blobs.
const SECURITY: [(HeaderName, HeaderValue); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; connect-src *; media-src * blob:; img-src 'self' data:; \
             worker-src blob:; object-src 'none'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
        ),
    ),
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
            text: OnceLock::new(),
        }),*]
    };
}

/// Every embedded file by its path below `/assets/`.
static FILES: [File; 15] = embedded! {
    "player.html" => HTML, "src/player.html";
    "style.css" => CSS, "src/style.css";
    "icon.svg" => SVG, "src/icon.svg";
    "dom.js" => JS, "src/dom.js";
    "page.js" => JS, "src/page.js";
    "pairs.js" => JS, "src/pairs.js";
    "players.js" => JS, "src/players.js";
    "testing.js" => JS, "src/testing.js";
    "watch.js" => JS, "src/watch.js";
    "shaka-player.js" => JS, "node_modules/shaka-player/dist/shaka-player.compiled-es2021.js";
    "dash.js" => JS, "node_modules/dashjs/dist/modern/umd/dash.all.min.js";
    "hls.js" => JS, "node_modules/hls.js/dist/hls.min.js";
    "licences/shaka-player.txt" => TEXT, "node_modules/shaka-player/LICENSE";
    "licences/dash.txt" => TEXT, "node_modules/dashjs/LICENSE.md";
    "licences/hls.txt" => TEXT, "node_modules/hls.js/LICENSE";
};

/// An embedded file; its text, and what is made of it, is kept from the first request on.
struct File {
    name: &'static str,
    kind: &'static str,
    content: &'static [u8],
    text: OnceLock<Arc<Text>>,
}

impl File {
    fn answer(&self) -> Answer {
        let text = self.text.get_or_init(|| Arc::new(Text::new(Bytes::from_static(self.content))));
        Answer {
            content_type: self.kind,
            etag: text.plain().tag.clone(),
            cache: CachePolicy::Page,
            content: Content::Text(Arc::clone(text)),
            following: None,
            standing: None,
        }
    }
}

/// What the pages show.
#[derive(Clone)]
struct Shown {
    catalog: Catalog,
    switches: &'static [Switch],
}

/// `/`, `/player`, `/assets/...` and `/streams.json`; `for_testers` shows the switches for testers.
pub(super) fn routes(catalog: Catalog, for_testers: bool) -> Router {
    let switches = if for_testers { tester::TABLE } else { &[] };
    Router::new()
        .route("/", get(start))
        .route("/streams.json", get(streams))
        .with_state(Shown { catalog, switches })
        .route("/player", get(player))
        .route("/assets/{*name}", get(asset))
}

async fn start(
    State(Shown { catalog, .. }): State<Shown>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let streams = listed(&catalog, &uri, &headers).await?;
    let page = start_page::render(&catalog, &streams).into_string();
    Ok(secured(fresh(HTML, page), &method, &headers).await)
}

async fn streams(
    State(Shown { catalog, switches }): State<Shown>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let streams = listed(&catalog, &uri, &headers).await?;
    let list = serde_json::json!({
        "license": catalog.license_url_for_all(),
        "switches": switches,
        "streams": streams,
    });
    Ok(secured(fresh(JSON, list.to_string()), &method, &headers).await)
}

/// The token is told under a name of the server only: pages of a host that was led here may read it.
async fn listed(
    catalog: &Catalog,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Vec<Listed<KeyInfo>>, Problem> {
    let streams = catalog.listed(Timestamp::now()).await.map_err(unavailable)?;
    let told = host::named(uri, headers).is_some_and(|host| catalog.is_own_host(host));
    let told = |stream: &Stream<KeyInfo>| -> Listed<KeyInfo> {
        let token = stream.token.clone().filter(|_| told);
        Stream { token, ..stream.clone() }.into()
    };
    Ok(streams.iter().map(told).collect())
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

async fn player(method: Method, headers: HeaderMap) -> Response {
    file("player.html", &method, &headers).await
}

async fn asset(Path(name): Path<String>, method: Method, headers: HeaderMap) -> Response {
    file(&name, &method, &headers).await
}

async fn file(name: &str, method: &Method, headers: &HeaderMap) -> Response {
    let Some(file) = FILES.iter().find(|file| file.name == name) else {
        return Problem::not_found("No page asset has this name.".to_owned()).into_response();
    };
    secured(file.answer(), method, headers).await
}

async fn secured(answer: Answer, method: &Method, headers: &HeaderMap) -> Response {
    let mut response = respond(answer, method, headers, &Lifetimes::default()).await;
    response.headers_mut().extend(SECURITY);
    response
}

/// Lists change with every command, and in `dev` they hold a token.
fn fresh(kind: &'static str, body: String) -> Answer {
    Answer::of_bytes(kind, CachePolicy::Moment, body.into_bytes())
}
