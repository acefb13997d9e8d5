//! The ClearKey parser is generous to players and safe against everything else.

use portcullis::ids::KeyId;
use portcullis::license::clearkey::{MAX_KIDS, Request, RequestError, SessionType};
use proptest::prelude::*;

use crate::support::keys::{base64url, clearkey_request, parse_clearkey};

/// Example of the DASH-IF text (clearkey.md section 9).
const KID: &str = "9eb4050d-e44b-4802-932e-27d75083e266";

fn kid() -> KeyId {
    KID.parse().unwrap()
}

#[test]
fn every_spelling_that_players_send_is_read() {
    let high = KeyId::from_bytes([0xff; 16]);
    let table = [
        (r#"{"kids":["nrQFDeRLSAKTLifXUIPiZg"],"type":"temporary"}"#, kid()),
        (r#"{"kids":["nrQFDeRLSAKTLifXUIPiZg"]}"#, kid()),
        (r#"{"kids":["nrQFDeRLSAKTLifXUIPiZg=="],"type":"temporary"}"#, kid()),
        (r#"{"kids":["_____________________w"]}"#, high),
        (r#"{"kids":["/////////////////////w=="]}"#, high),
        ("\u{feff}{\"kids\":[\"nrQFDeRLSAKTLifXUIPiZg\"]}", kid()),
        (" {\n \"x\": {\"y\": []}, \"kids\" : [ \"nrQFDeRLSAKTLifXUIPiZg\" ] } ", kid()),
        (r#"{"kids":["nrQFDeRLSAKTLifXUIPiZg","nrQFDeRLSAKTLifXUIPiZg"]}"#, kid()),
    ];
    for (body, expected) in table {
        let request = parse_clearkey(body.as_bytes()).unwrap();
        let session = SessionType::Temporary;
        assert_eq!(request, Request { kids: vec![expected], session }, "{body}");
    }
}

#[test]
fn identifiers_of_other_lengths_are_unknown_keys_not_errors() {
    let body = r#"{"kids":["AAAA","nrQFDeRLSAKTLifXUIPiZg",""]}"#;
    assert_eq!(parse_clearkey(body.as_bytes()).unwrap().kids, [kid()]);
}

#[test]
fn what_is_no_request_is_refused_by_a_rule() {
    let many = vec![kid(); MAX_KIDS + 1];
    let table = [
        (r#"{"kids":[]}"#.to_owned(), RequestError::NoKids),
        (r#"{"type":"temporary"}"#.into(), RequestError::Malformed),
        (r#"{"kids":"nrQFDeRLSAKTLifXUIPiZg"}"#.into(), RequestError::Malformed),
        (r#"{"kids":[1]}"#.into(), RequestError::Malformed),
        (r#"{"kids":["nrQFDeRLSAKTLifXUIPiZg"],"type":"other"}"#.into(), RequestError::Malformed),
        (r#"{"kids":["?"]}"#.into(), RequestError::NotBase64),
        ("".into(), RequestError::Malformed),
        ("[]".into(), RequestError::Malformed),
        (r#"[["nrQFDeRLSAKTLifXUIPiZg"],"temporary"]"#.into(), RequestError::Malformed),
        ("<xml/>".into(), RequestError::Malformed),
        ("[".repeat(60_000), RequestError::Malformed),
        (clearkey_request(&many), RequestError::TooManyKids),
    ];
    for (body, error) in table {
        assert_eq!(parse_clearkey(body.as_bytes()), Err(error), "{body:.80}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse_clearkey(&body);
    }

    #[test]
    fn a_damaged_request_never_panics(
        kids in proptest::collection::vec(any::<[u8; 16]>(), 1..4),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let kids: Vec<KeyId> = kids.into_iter().map(KeyId::from_bytes).collect();
        let mut body = clearkey_request(&kids).into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        let _ = parse_clearkey(&body);
    }

    #[test]
    fn whatever_keys_are_asked_for_are_read_in_order(
        kids in proptest::collection::hash_set(any::<[u8; 16]>(), 1..MAX_KIDS),
    ) {
        let kids: Vec<KeyId> = kids.into_iter().map(KeyId::from_bytes).collect();
        prop_assert_eq!(base64url(&kids[0]).len(), 22);
        prop_assert_eq!(parse_clearkey(clearkey_request(&kids).as_bytes()).unwrap().kids, kids);
    }
}
