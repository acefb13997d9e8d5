//! The start page: every stream with what can be done with it. Class names are those that
//! `web/README.md` lists.

use maud::{DOCTYPE, Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::service::streams::{Access, Catalog, KeyInfo};
use crate::service::test_page::{Listed, TestPage};

/// Renders the page for streams of the catalogue.
pub(super) fn render(catalog: &Catalog, streams: &[Listed<KeyInfo>]) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Streams - Portcullis" }
                link rel="icon" href="/assets/icon.svg";
                link rel="stylesheet" href="/assets/style.css";
            }
            body {
                header.site {
                    a.brand href="/" { "Portcullis" }
                    nav { a href="/player" { "Player" } }
                }
                main {
                    h1 { "Streams" }
                    @if streams.is_empty() {
                        p.lead { "Nothing is published yet. Add content with this command:" }
                        pre.code { code { "portcullis add FOLDER" } }
                    } @else {
                        p.lead { "Published at " (catalog.origin()) ", packaged and encrypted on request. Licences of all \
                            systems: " code { (catalog.license_url_for_all()) } }
                        ul.cards { @for stream in streams { (card(stream)) } }
                    }
                }
                footer.site { "Portcullis " (env!("CARGO_PKG_VERSION")) }
            }
        }
    }
}

fn card(Listed { stream, shaka_demo }: &Listed<KeyInfo>) -> Markup {
    let query = utf8_percent_encode(&stream.name, NON_ALPHANUMERIC).to_string();
    html! {
        li.card {
            h2 { (stream.name) }
            p.badges {
                @for key in &stream.keys { span.badge { (key.scheme) } " " }
                @if stream.keys.is_empty() { span.badge { "clear" } " " }
                @match stream.policy {
                    Access::Open => span.badge.open { "open" },
                    Access::Token => span.badge.token { "token" },
                }
            }
            @if stream.manifests.is_empty() {
                p { "Nothing of it can be served now." }
            } @else {
                p.actions { a.button href={ "/player?stream=" (query) } { "Play" } }
            }
            dl.links {
                @for manifest in &stream.manifests {
                    dt { (manifest.protocol.to_uppercase()) " " (manifest.format) }
                    dd { a href=(manifest.url) { (manifest.url) } }
                }
                @for (system, url) in &stream.licenses {
                    dt { (system) }
                    dd { code { (url) } }
                }
            }
            @if let Some(page) = shaka_demo { (for_test_pages(page)) }
        }
    }
}

/// What is pasted into DRM test pages; it may hold a token.
fn for_test_pages(page: &TestPage) -> Markup {
    html! {
        details {
            summary { "For DRM test pages" }
            p.hint { "Behind the address of Shaka Player's demo page:" }
            pre.code.wrapped { code { "#assetBase64=" (page.asset_base64) } }
            p.hint { "The same as JSON:" }
            pre.code { code { (format!("{:#}", page.asset)) } }
        }
    }
}
