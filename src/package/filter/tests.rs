//! Filters out of hostile documents.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Condition, Filter, FilterRule, PresentationTimeRange};

fn read(properties: &Value) -> Result<Filter, FilterRule> {
    Filter::from_properties("f", &properties.to_string()).map_err(|error| error.rule)
}

fn range(members: Value) -> Result<PresentationTimeRange, FilterRule> {
    let filter = read(&json!({ "presentationTimeRange": members }))?;
    Ok(filter.range.unwrap_or_default())
}

#[test]
fn what_clients_write_for_not_set_is_not_set() {
    for unset in
        [json!(i64::MAX), json!(9_223_372_036_854_776_000_u64), json!(9.223372036854776e18)]
    {
        let read = range(json!({ "startTimestamp": unset, "endTimestamp": unset,
                                 "presentationWindowDuration": unset, "timescale": 1 }));
        let read = read.unwrap();
        assert_eq!((read.start(), read.end()), (0, None), "{unset}");
    }
}

#[test]
fn times_become_those_of_the_wire() {
    let read = range(json!({ "startTimestamp": 90_000, "endTimestamp": 180_045,
                             "timescale": 90_000 }));
    let read = read.unwrap();
    assert_eq!((read.start(), read.end()), (10_000_000, Some(20_005_000)));
    let far = range(json!({ "startTimestamp": i64::MAX - 1, "timescale": 1 })).unwrap();
    assert_eq!(far.start(), i64::MAX as u64);
}

/// Anything that JSON can say where a filter has a member.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(Type|Bitrate|Language|FourCC|Name|Equal|NotEqual|[a-z0-9-]{0,12})".prop_map(Value::from),
    ];
    let member = "(presentationTimeRange|startTimestamp|endTimestamp|timescale|firstQuality|bitrate\
                  |tracks|trackSelections|property|operation|value|[a-z]{1,5})";
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(member, inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_documents_never_panic_and_what_reads_reads_again(document in value()) {
        if let Ok(filter) = read(&document) {
            prop_assert_eq!(read(&filter.to_properties()), Ok(filter));
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text: String) {
        let _ = Filter::from_properties("f", &text);
        for row in super::track::TABLE {
            let _ = Condition::new(row.property, true, &text);
        }
    }

    #[test]
    fn arbitrary_times_give_a_range_or_a_refusal(
        start: i64, end: i64, window: i64, backoff: i64, timescale: i64, force: bool,
    ) {
        let read = range(json!({ "startTimestamp": start, "endTimestamp": end,
            "presentationWindowDuration": window, "liveBackoffDuration": backoff,
            "timescale": timescale, "forceEndTimestamp": force }));
        if let Ok(read) = read {
            prop_assert!(timescale > 0 && start >= 0);
            prop_assert!(read.end().is_none_or(|end| read.start() <= end));
        }
    }
}
