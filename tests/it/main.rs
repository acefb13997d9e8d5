//! The one integration test binary: everything here looks at the product from outside.
//!
//! | folder | what it shows |
//! |---|---|
//! | `cli/` | the commands, run as a user runs them: `dev`, `add`, `config check`, exit codes |
//! | `filters/` | filters as documents, on URLs and on locators |
//! | `forward/` | licences that another server makes: a vendor's cloud, a server of the owner's, spoken to over HTTP |
//! | `http/` | the server shell: deadlines, limits, drain, cross-origin rules, pages |
//! | `images/` | thumbnails: manifests, playlists, images as they lie in the source, sources that are broken |
//! | `keys/` | keys, tokens, the store, key delivery by whole URLs |
//! | `layers.rs` | modules use only modules of their own or a lower layer |
//! | `license/` | licences of the protection systems by whole URLs, and independent clients |
//! | `media/` | broken and odd files through the real server |
//! | `oracle/` | foreign tools decrypt, decode and validate what we serve |
//! | `origin/` | IVs, files that change under a running server, golden bytes, headers |
//! | `package/` | the static packager: files and playlists, judged, and compared with the origin |
//! | `policies/` | policies and locators from documents, several keys in one presentation |
//! | `support/` | builders and clients that the tests share |
//! | `text/` | subtitles and captions: playlists, segments, sources that are broken |
//! | `urls/` | streaming URLs on the wire: grammar, refusals, headers, ranges, downloads |

mod cli;
mod filters;
mod forward;
mod http;
mod images;
mod keys;
mod layers;
mod license;
mod media;
mod oracle;
mod origin;
mod package;
mod policies;
mod support;
mod text;
mod urls;
