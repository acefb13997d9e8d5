//! EXT-X-KEY and EXT-X-SESSION-KEY (RFC 8216 sections 4.3.2.4 and 4.3.4.5; packaging.md sections 4
//! and 6).

use std::sync::Arc;

use super::data::{self, data_uri};
use super::{Audience, MAX_TOLD, Part, ReadError, Statement, Track};
use crate::cenc::Scheme;
use crate::ids::{KeyId, SystemId};
use crate::isobmff::cenc::Pssh;
use crate::package::hls::read::{Listing, Reference, attribute, listing};

/// What a playlist holds.
#[derive(Debug, Default)]
pub struct Playlist {
    /// Playlists that it lists.
    pub children: Vec<Reference>,
    /// Of a media playlist, its stretches under one init segment; of a multivariant playlist, one
    /// without init segment, which holds the session keys.
    pub tracks: Vec<Track>,
}

type Decode = fn(Statement, &str) -> Vec<Statement>;

/// Formats of keys with the system that they speak to and the function that reads their URI. Other
/// formats that are `urn:uuid:` hold a `pssh`.
const FORMATS: &[(&str, SystemId, Decode)] = &[
    ("com.microsoft.playready", SystemId::PLAY_READY, |said, uri| {
        decode(said, uri, |said, data| vec![said.of_data(SystemId::PLAY_READY, data)])
    }),
    ("com.apple.streamingkeydelivery", SystemId::FAIR_PLAY, |said, uri| asked(said, uri)),
    ("org.w3.clearkey", SystemId::CLEAR_KEY, |said, uri| decode(said, uri, raw_kid)),
];

/// Reads a playlist.
///
/// # Errors
/// [`ReadError`].
pub fn read(source: &Arc<str>, text: &str) -> Result<Playlist, ReadError> {
    match listing(text)? {
        Listing::Multivariant { playlists, keys } => {
            let statements: Vec<Statement> =
                keys.iter().flat_map(|key| statement(source, key.line, &key.attributes)).collect();
            let session = Track {
                name: "session keys".to_owned(),
                statements,
                init: None,
                protects_samples: false,
                samples: Vec::new(),
            };
            Ok(Playlist { children: playlists, tracks: vec![session] })
        }
        Listing::Media(stretches) => {
            let several = stretches.len() > 1;
            let mut tracks = Vec::new();
            for (n, stretch) in stretches.into_iter().enumerate() {
                let keys = stretch.keys.iter();
                let statements: Vec<Statement> =
                    keys.flat_map(|key| statement(source, key.line, &key.attributes)).collect();
                let name = if several { format!("stretch {}", n + 1) } else { String::new() };
                let protects_samples = statements.iter().any(|said| !said.schemes.is_empty());
                let init = stretch.map.map(|(uri, bytes)| Part::new(uri, bytes));
                // Of segments that are encrypted as wholes, the init segment may be too; that of a clear
                // lead may be that of what is protected.
                let is_silent = statements.is_empty() && !stretch.is_clear;
                let init = init.filter(|_| is_silent || protects_samples);
                // Inside transport streams nothing says how samples are protected.
                let protects_samples = protects_samples && init.is_some();
                let samples = stretch.samples.into_iter();
                let samples = samples.map(|(uri, bytes)| Part::new(uri, bytes)).collect();
                tracks.push(Track { name, statements, init, protects_samples, samples });
            }
            if tracks.iter().map(|track| track.statements.len()).sum::<usize>() > MAX_TOLD {
                return Err(ReadError::TooMuch);
            }
            Ok(Playlist { children: Vec::new(), tracks })
        }
    }
}

/// What a key line says.
fn statement(source: &Arc<str>, line: usize, attributes: &str) -> Vec<Statement> {
    let value = |name| attribute(attributes, name);
    let method = value("METHOD").unwrap_or_default();
    let format = value("KEYFORMAT").unwrap_or("identity");
    let (named, decode) = audience(format);
    let element = format!("line {line} ({})", named.replace(char::is_control, " "));
    let mut said = Statement::new(source, element, Audience::System(named.clone()));
    said.tell("METHOD", method);
    said.schemes = schemes(method).to_vec();
    if let Some(iv) = value("IV") {
        said.tell_iv(iv);
    }
    let key_id = value("KEYID").map(|kid| key_id(said.clone(), &named, kid));
    decode(said, value("URI").unwrap_or_default()).into_iter().chain(key_id).collect()
}

/// What KEYID says, apart from the data in the URI.
fn key_id(line: Statement, named: &str, text: &str) -> Statement {
    let audience = Audience::System(format!("KEYID for {named}"));
    let mut said = Statement::new(&line.source, format!("{} KEYID", line.element), audience);
    said.tell("KEYID", text);
    let digits = text.strip_prefix("0x").or(text.strip_prefix("0X")).unwrap_or(text);
    match digits.parse::<KeyId>() {
        Ok(kid) => said.kids.push(kid),
        Err(_) => return said.broken("it has not 16 bytes in hexadecimal"),
    }
    said
}

/// The name of a format's readers, and how its URI is read.
fn audience(format: &str) -> (String, Decode) {
    if let Some((_, system, decode)) = FORMATS.iter().find(|(known, ..)| *known == format) {
        return (data::name(*system), *decode);
    }
    let system = format.strip_prefix("urn:uuid:").and_then(|id| id.parse::<SystemId>().ok());
    match system {
        Some(system) => (data::name(system), |said, uri| decode(said, uri, Statement::of_boxes)),
        None => (format.to_owned(), |said, uri| decode(said, uri, boxes_or_other)),
    }
}

fn schemes(method: &str) -> &'static [Scheme] {
    match method {
        "SAMPLE-AES" => &[Scheme::Cbcs],
        "SAMPLE-AES-CTR" => &[Scheme::Cenc],
        _ => &[],
    }
}

fn asked(mut said: Statement, uri: &str) -> Vec<Statement> {
    said.ask_at(uri);
    vec![said]
}

fn decode(
    said: Statement,
    uri: &str,
    read: impl FnOnce(Statement, &[u8]) -> Vec<Statement>,
) -> Vec<Statement> {
    match data_uri(uri) {
        Some(text) => said.of_base64(text, read),
        None => asked(said, uri),
    }
}

/// A `pssh` where formats of others hold one; else nobody here knows what it says, or it is the key.
fn boxes_or_other(said: Statement, data: &[u8]) -> Vec<Statement> {
    match Pssh::read_row(data) {
        Ok(boxes) if !boxes.is_empty() => said.of_boxes(data),
        _ => vec![said],
    }
}

/// The KID itself, as hls.js reads it; others wrap a list of them in JSON, which names no keys here.
fn raw_kid(mut said: Statement, data: &[u8]) -> Vec<Statement> {
    if let Ok(kid) = data.try_into() {
        let kid = KeyId::from_bytes(kid);
        said.tell("KID", kid.to_string());
        said.kids.push(kid);
    }
    vec![said]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drm::widevine::PsshData;
    use data_encoding::BASE64;

    fn said(attributes: &str) -> Vec<Statement> {
        let text = format!("#EXTM3U\n#EXT-X-MAP:URI=\"i\"\n#EXT-X-KEY:{attributes}\ns\n");
        read(&"list".into(), &text).unwrap().tracks.remove(0).statements
    }

    #[test]
    fn key_lines_name_keys_by_every_format() {
        let kid = KeyId::from_bytes([0xab; 16]);
        let pssh = BASE64.encode(&PsshData::new(&[kid], Scheme::Cbcs).pssh().to_vec());
        let raw = BASE64.encode(kid.as_bytes());
        let widevine = "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed";
        for attributes in [
            format!(
                "METHOD=SAMPLE-AES,URI=\"data:text/plain;base64,{pssh}\",KEYFORMAT=\"{widevine}\""
            ),
            format!(
                "METHOD=SAMPLE-AES,URI=\"data:text/plain;base64,{pssh}\",KEYFORMAT=\"of.others\""
            ),
            format!(
                "METHOD=SAMPLE-AES,URI=\"data:text/plain;base64,{raw}\",KEYFORMAT=\"org.w3.clearkey\""
            ),
            format!("METHOD=SAMPLE-AES,URI=\"http://k/?a=1&kid={kid}\""),
            format!(
                "METHOD=SAMPLE-AES,URI=\"skd://k/?kid={kid}\",KEYFORMAT=\"com.apple.streamingkeydelivery\""
            ),
        ] {
            let found = said(&attributes);
            assert_eq!(found[0].kids, [kid], "{attributes}");
            assert_eq!(found[0].schemes, [Scheme::Cbcs], "{attributes}");
            assert_eq!(found[0].broken, None, "{attributes}");
        }
        let broken = |attributes: &str| said(attributes)[0].broken.clone().unwrap();
        assert!(broken("METHOD=AES-128,URI=\"k\",IV=0x01").contains("16 bytes"));
        let lying = format!(
            "METHOD=SAMPLE-AES,URI=\"data:;base64,{}\",KEYFORMAT=\"{widevine}\"",
            &pssh[..8]
        );
        assert!(broken(&lying).contains("pssh") || broken(&lying).contains("box"), "{lying}");
    }

    #[test]
    fn neither_keys_nor_secrets_in_addresses_are_told() {
        let secret = BASE64.encode(&[0x5a; 16]);
        for attributes in [
            format!("METHOD=AES-128,URI=\"data:text/plain;base64,{secret}\""),
            "METHOD=AES-128,URI=\"https://k/?token=secret\"".to_owned(),
            "METHOD=AES-128,URI=\"https://u:secret@k/\"".to_owned(),
        ] {
            let told = format!("{:?}", said(&attributes));
            assert!(!told.contains(&secret) && !told.contains("secret"), "{told}");
        }
    }
}
