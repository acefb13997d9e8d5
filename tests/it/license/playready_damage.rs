//! Challenges that are cut off, changed or made to hurt: a SOAP fault each, and soon.

use std::time::{Duration, Instant};

use portcullis::license::playready::client::ClientDevice;
use proptest::prelude::*;

use crate::support::keys::Answer;
use crate::support::playready::{Service, URL, World, challenge, key_message, question};

/// Far above what any of them takes without optimisation on a busy machine.
const SOON: Duration = Duration::from_millis(500);

fn device() -> ClientDevice {
    World::get().device("sl2000")
}

/// Status code and reason of a fault with a status of 400 to 499.
fn fault(answer: &Answer) -> (String, String) {
    assert!(answer.status.is_client_error(), "{}", answer.status);
    assert_eq!(answer.header("content-type"), "text/xml; charset=utf-8");
    let text = std::str::from_utf8(&answer.body).unwrap();
    let document = roxmltree::Document::parse(text).unwrap();
    let named = |name: &str| {
        let node = document.descendants().find(|node| node.tag_name().name() == name);
        node.unwrap_or_else(|| panic!("no {name}")).text().unwrap_or_default().to_owned()
    };
    assert!(document.descendants().any(|node| node.tag_name().name() == "Fault"));
    let (code, reason) = (named("StatusCode"), named("CustomData"));
    assert!(named("Message").starts_with(&format!("[{reason}] ")));
    (code, reason)
}

#[tokio::test]
async fn every_prefix_of_a_challenge_is_a_fault() {
    let service = Service::open().await;
    let one = service.one();
    let body = challenge(&device(), &question(&one, None));
    let end = body.trim_end().len();
    let began = Instant::now();
    for length in 0..end {
        let answer = service.keys.post(URL, body[..length].to_owned()).await;
        assert_eq!(fault(&answer), ("0x8004C601".into(), "playready-request-malformed".into()));
    }
    let each = began.elapsed() / u32::try_from(end).unwrap();
    assert!(each < SOON, "{each:?} for each of {end}");
    let long = service.keys.post(URL, "x".repeat(65 * 1024)).await;
    assert_eq!(long.status, 413);
    assert_eq!(fault(&long), ("0x8004C604".into(), "body-too-large".into()));
    // Every place of the wrapping would take half a minute; what it wraps was cut above.
    let wrapped = key_message(&body);
    for length in (0..wrapped.len()).step_by(61) {
        fault(&service.keys.post(URL, wrapped[..length].to_vec()).await);
    }
}

#[tokio::test]
async fn signed_parts_that_were_changed_are_refused() {
    let service = Service::open().await;
    let one = service.one();
    let body = challenge(&device(), &question(&one, Some("hello")));
    let swapped = |from: &str, to: &str| {
        assert!(body.contains(from), "{from}");
        body.replacen(from, to, 1)
    };
    let cipher = body.rfind("<CipherValue>").unwrap() + 200;
    let mut sealed = body.clone().into_bytes();
    sealed[cipher] = if sealed[cipher] == b'A' { b'B' } else { b'A' };
    let table = [
        (swapped("<ClientTime>1", "<ClientTime>2"), "playready-signature-invalid"),
        (swapped("hello", "hullo"), "playready-signature-invalid"),
        (swapped("<DATA>", "<DATA> "), "playready-signature-invalid"),
        (String::from_utf8(sealed).unwrap(), "playready-signature-invalid"),
        (swapped("<SignatureValue>", "<SignatureValue>A"), "playready-request-malformed"),
        (swapped("#SignedData\"", "#Another\""), "playready-request-malformed"),
        (swapped("<Version>1<", "<Version>9<"), "playready-protocol-version"),
        (swapped("4.0.0.0", "4.9.0.0"), "playready-header-malformed"),
        (swapped("AESCTR", "COCKTAIL"), "playready-cipher-not-served"),
        (swapped("AcquireLicense xmlns", "JoinDomain xmlns"), "playready-request-malformed"),
    ];
    for (body, reason) in table {
        let answer = service.keys.post(URL, body).await;
        assert_eq!(fault(&answer).1, reason);
    }
}

/// What is decided on is what another server, to which it may be passed on, would answer.
#[tokio::test]
async fn a_challenge_asks_in_one_place() {
    let service = Service::open().await;
    let body = challenge(&device(), &question(&service.one(), None));
    let element = |name: &str| {
        let (from, end) = (format!("<{name}"), format!("</{name}>"));
        let at = body.find(&from).unwrap()..body.find(&end).unwrap() + end.len();
        body[at].to_owned()
    };
    let before = |place: &str, other: &str| body.replacen(place, &format!("{other}{place}"), 1);
    let (la, header) = (element("LA"), element("WRMHEADER"));
    let table = [
        before("</Challenge>", &la),
        before("<soap:Body>", &format!("<soap:Header>{la}</soap:Header>")),
        before("</soap:Body>", &la),
        before("</ContentHeader>", &header),
        before("</LA>", &element("ContentHeader")),
        before("</LA>", "<x:la xmlns:x=\"urn:x\"/>"),
        before("</DATA>", &element("KID")),
        before("<KID>", "<KID xmlns=\"\">AAAAAAAAAAAAAAAAAAAAAA==</KID>"),
        before("</DATA>", "<KIDS><KID VALUE=\"AAAAAAAAAAAAAAAAAAAAAA==\"/></KIDS>"),
        before("</WRMHEADER>", &element("DATA")),
        before("</DATA>", &element("PROTECTINFO")),
        before("</KID>", "<!-- -->"),
        body.replacen("<KID>", "<KID VALUE=\"AAAAAAAAAAAAAAAAAAAAAA==\">", 1),
    ];
    for changed in table {
        assert_ne!(changed, body);
        let answer = service.keys.post(URL, changed).await;
        assert_eq!(fault(&answer).1, "playready-request-malformed");
    }
    assert_eq!(service.keys.post(URL, body).await.status, 200);
}

#[tokio::test]
async fn documents_that_are_made_to_hurt_are_refused_soon() {
    let service = Service::open().await;
    let one = service.one();
    let body = challenge(&device(), &question(&one, None));
    let laughs = "<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">\
                  <!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;\">]>";
    let many =
        |count: usize, part: &dyn Fn(usize) -> String| -> String { (0..count).map(part).collect() };
    let declared = body.find("?>").unwrap() + 2;
    let with_type = format!("{laughs}{}", &body[declared..]);
    let table = [
        String::new(),
        "hello".into(),
        "<".into(),
        "{}".into(),
        with_type,
        format!("{laughs}<a>&c;</a>"),
        "<a>".repeat(20_000),
        format!("<a {}/>", many(4_000, &|n| format!("a{n}='' "))),
        format!("<a {}/>", many(3_000, &|n| format!("xmlns:a{n}='b' "))),
        format!("<a b='{}'/>", "x".repeat(60_000)),
        many(3_000, &|n| format!("<a xmlns:b{n}=''>")),
        format!("<a>{}</a>", "&#65;".repeat(12_000)),
        "<!--".repeat(16_000),
        "<![CDATA[".repeat(7_000),
    ];
    for body in table {
        let (front, began) = (body.chars().take(40).collect::<String>(), Instant::now());
        let answer = service.keys.post(URL, body).await;
        assert_eq!(fault(&answer).1, "playready-request-malformed", "{front}");
        assert!(began.elapsed() < SOON, "{:?} for {front}", began.elapsed());
    }
    let binary: Vec<u8> = (0..60_000_u32).map(|n| (n % 251) as u8).collect();
    fault(&service.keys.post(URL, binary).await);
    let long = service.keys.post(URL, "<a/>".repeat(20_000)).await;
    assert_eq!(long.status, 413);
}

#[test]
fn random_changes_give_a_fault_or_change_nothing() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let service = runtime.block_on(Service::open());
    let one = service.one();
    let body = challenge(&device(), &question(&one, None)).into_bytes();
    let change = (0..body.len(), any::<u8>(), 0..3_u8);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(400));
    let outcome = runner.run(&change, |(at, byte, how)| {
        let mut changed = body.clone();
        match how {
            0 => changed[at] = byte,
            1 => changed.insert(at, byte),
            _ => drop(changed.remove(at)),
        }
        let answer = runtime.block_on(service.keys.post(URL, changed));
        if answer.status != 200 {
            fault(&answer);
        }
        Ok(())
    });
    outcome.unwrap();
}
