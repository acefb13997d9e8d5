//! Golden files: texts byte for byte, in `tests/golden/`.

use std::fmt::Write;

use data_encoding::{BASE64, HEXLOWER};
use portcullis::isobmff::dump::{Node, dump};

use super::boxes::{Protected, protection};
use super::server::Stream;

/// Longer bodies are cut: `trun` and `senc` have an entry for each sample.
const SHOWN: usize = 64;

/// Compares a text with the file of that name; `INSTA_UPDATE=always` writes it.
pub(crate) fn check(name: &str, text: &str) {
    insta::with_settings!({
        snapshot_path => "../../golden",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!(name, text) });
}

/// Puts names in the place of what differs between two servers.
pub(crate) fn redacted_of(origin: &str, stream: &Stream, text: &str) -> String {
    let mut text = text.replace(origin, "http://HOST").replace(&stream.locator_id, "LOCATOR");
    for key in &stream.keys {
        let hex = key.kid.replace('-', "");
        let base64 = BASE64.encode(&HEXLOWER.decode(hex.as_bytes()).unwrap());
        for spelling in [&key.kid, &hex, &base64] {
            text = text.replace(spelling.as_str(), "KID");
        }
    }
    hidden_ivs(&text)
}

/// IVs are derived from the key id.
fn hidden_ivs(text: &str) -> String {
    let mut all = String::new();
    let mut rest = text;
    while let Some(at) = ["iv=0x", "iv=\"0x"].iter().filter_map(|start| behind(rest, start)).min() {
        let (front, iv) = rest.split_at(at);
        all += front;
        all += &iv[..32].replace(|c: char| c.is_ascii_hexdigit(), "x");
        rest = &iv[32..];
    }
    all + rest
}

/// Where the text behind the first `start` begins; in any case.
fn behind(text: &str, start: &str) -> Option<usize> {
    text.to_ascii_lowercase().find(start).map(|at| at + start.len())
}

/// The boxes of a file or fragment, with the beginnings of their bodies.
pub(crate) fn tree(data: &[u8], iv_size: usize) -> String {
    let nodes = dump(data).unwrap();
    let protected = protection(data, iv_size);
    let line = |mut text: String, node: &Node| {
        let indent = "  ".repeat(node.depth);
        let body = match &node.kind.0 {
            b"senc" => samples(&protected),
            b"tenc" => hidden_iv(&node.body),
            _ => hex(&node.body),
        };
        writeln!(text, "{indent}{} {} {body}", node.kind, node.size).unwrap();
        text
    };
    nodes.iter().fold(String::new(), line)
}

fn hex(body: &[u8]) -> String {
    let cut = if body.len() > SHOWN { "..." } else { "" };
    HEXLOWER.encode(&body[..body.len().min(SHOWN)]) + cut
}

/// The constant IV is derived from the key id.
fn hidden_iv(tenc: &[u8]) -> String {
    let (fields, iv) = tenc.split_at(24);
    format!("{}{}", hex(fields), hex(&iv[..iv.len().min(1)]))
}

/// Size of the IV, clear and protected bytes of the first samples.
fn samples(protected: &[Protected]) -> String {
    let sample = |sample: &Protected| format!("{} {:?}", sample.iv.len(), sample.subsamples);
    let first: Vec<String> = protected.iter().take(6).map(sample).collect();
    format!("{} samples: {}", protected.len(), first.join(", "))
}
