//! Portcullis: a self-hosted content-protection gateway and key and licence service.
//!
//! The module map, low layers first. A module uses only modules of its own or a lower layer;
//! `tests/it/layers.rs` fails on an upward edge. Layers 0 to 5 are pure: bytes in, bytes out, no
//! clock, no file, no global. See `docs/ARCHITECTURE.md` for the picture and two walkthroughs.
//!
//! | layer | module | what it holds |
//! |---|---|---|
//! | 0 | [`bytes`] [`coding`] [`ids`] [`protection`] [`time`] [`xml`] | readers and writers, content codings, GUIDs, timescales, XML of others |
//! | 1 | [`crypto`] [`codec`] | ciphers over media, parameter sets and codec strings |
//! | 2 | [`isobmff`] [`mpegts`] [`text`] | boxes: read, write, dump; transport streams; cues |
//! | 3 | [`cenc`] [`drm`] [`media`] | Common Encryption, data of protection systems, sample index, asset model, timeline |
//! | 4 | [`package`] | URL grammar, plans, CMAF, TS, HLS, DASH, Smooth |
//! | 5 | [`keys`] [`policy`] [`token`] [`license`] [`inspect`] | key records, policies, tokens, licences, what files and manifests say of keys |
//! | 6 | [`store`] [`tls`] | database, files, object stores, caches; TLS towards other servers |
//! | 7 | [`service`] | origin, delivery, publishing |
//! | 8 | [`http`] | accept loop, routes, headers, pages |
//! | 9 | [`config`] [`cli`] | settings and commands |

#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]

pub mod bytes;
pub mod cenc;
pub mod cli;
pub mod codec;
pub mod coding;
pub mod config;
pub mod crypto;
pub mod drm;
pub mod http;
pub mod ids;
pub mod inspect;
pub mod isobmff;
pub mod keys;
pub mod license;
pub mod media;
pub mod mpegts;
pub mod package;
pub mod policy;
pub mod protection;
pub mod service;
pub mod store;
pub mod text;
pub mod time;
pub mod tls;
pub mod token;
pub mod xml;
