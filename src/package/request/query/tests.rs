//! Queries of players, of other parties, and hostile ones.

use super::*;
use proptest::prelude::*;

#[test]
fn times_are_seconds_or_durations() {
    for (text, ticks) in [
        ("0", 0),
        ("12", 120_000_000),
        ("12.5", 125_000_000),
        ("0.00000019", 1),
        ("PT1M30.5S", 905_000_000),
        ("pt2h", 72_000_000_000),
    ] {
        assert_eq!(time(text), Some(ticks), "{text}");
    }
    for text in [
        "",
        ".",
        "-1",
        "+1",
        "1e3",
        "1.",
        "1.x",
        "1.00000001x",
        "NaN",
        "P",
        "P1D",
        "P1Y",
        "-PT1S",
        "PT-1S",
        "12s",
        "PT1M30S ago",
        "1844674407371",
        "99999999999999999999",
        "PT9999999999999999H",
        "0x10",
        "٣",
    ] {
        assert_eq!(time(text), None, "{text}");
    }
}

#[test]
fn known_parameters_are_read_and_others_left_alone() {
    let query = "hdnts=exp=1~hmac=2&start=1.5&end=PT10S&resolution=320x180,640X360&height=-720\
                 &bitrate=100000-&codec=AVC1%2Cec-3&sig=%2F%26";
    let query = Query::parse(query).unwrap();
    let printed = "?start=1.5&end=10&resolution=320x180,640x360&height=0-720&bitrate=100000-\
                   &codec=avc1,ec-3";
    assert_eq!(query.to_string(), printed);
    assert_eq!(Query::parse("token=abc&Start=x").unwrap(), Query::default());
    assert_eq!(Query::parse("").unwrap().to_string(), "");
}

#[test]
fn values_that_say_nothing_are_refused() {
    for query in [
        "start=",
        "start=1&start=2",
        "start=5&end=5",
        "end=0",
        "start=soon",
        "height=",
        "height=-",
        "height=720-360",
        "height=12p",
        "bitrate=1-2-3",
        "bitrate=-1-",
        "bitrate=99999999999999999999",
        "resolution=720",
        "resolution=1x",
        "resolution=70000x1",
        "resolution=1x1,",
        "codec=",
        "codec=avc",
        "codec=avc1,",
        "codec=a%22b1",
        "codec=%F0%9F%A6%80",
    ] {
        assert!(matches!(Query::parse(query), Err(UrlError::Syntax(_))), "{query}");
    }
    assert!(Query::parse(&format!("codec={}", ["avc1"; MAX_LIST + 1].join(","))).is_err());
}

proptest! {
    #[test]
    fn arbitrary_queries_never_panic(text: String) {
        let _ = Query::parse(&text);
        for row in TABLE {
            let _ = (row.set)(&mut Query::default(), &text);
        }
    }

    #[test]
    fn what_is_printed_reads_as_the_same(
        start in prop::option::of(0_u64..1 << 40), length in 1_u64..1 << 40,
        low: u64, more in 0_u64..1 << 32, sizes in prop::collection::vec(any::<(u16, u16)>(), 0..4),
    ) {
        let query = Query {
            start,
            end: start.map(|start| start + length),
            sizes,
            height: Some(Bounds { low, high: low.saturating_add(more) }),
            bitrate: Some(Bounds { low: 0, high: more }),
            codecs: vec![*b"hvc1"],
        };
        let text = query.to_string();
        prop_assert_eq!(Query::parse(&text[1..]), Ok(query));
    }
}
