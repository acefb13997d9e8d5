//! `apply`, `list`, `show` and `delete`: filters as JSON documents.

use std::path::Path;

use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use crate::support::filters::{account, apply, command, of_asset, range, tracks};
use crate::support::origin::demo;
use crate::support::server::portcullis;

fn printed(data: &Path, arguments: &[&str]) -> String {
    let output = command(data, arguments, &Value::Null);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn with_asset() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let clip = demo("gate_h264_180p.mp4");
    let add = ["add", clip.to_str().unwrap(), "--name", "film"];
    printed(data.path(), &add);
    data
}

#[test]
fn a_filter_that_a_locator_uses_stays() {
    let data = with_asset();
    let data = data.path();
    let whole = || json!({});
    apply(data, &json!([account("cut", whole()), account("CLIP", whole())]));
    apply(data, &of_asset("film", "Clip", whole()));
    let locator = json!({ "type": "streamingLocators", "name": "show", "properties": {
        "assetName": "film", "streamingPolicyName": "Predefined_ClearStreamingOnly",
        "filters": ["Cut", "clip"] } });
    apply(data, &locator);
    for (kind, name, is_used) in [
        ("account-filters", "cut", true),
        ("asset-filters", "film/clip", true),
        // That of the asset counts.
        ("account-filters", "clip", false),
    ] {
        let output = command(data, &["delete", kind, name], &Value::Null);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), !is_used, "{name}: {said}");
        assert_eq!(said.contains("is used by show"), is_used, "{name}: {said}");
    }
    printed(data, &["delete", "streaming-locators", "show"]);
    printed(data, &["delete", "account-filters", "cut"]);
}

#[test]
fn documents_are_stored_shown_listed_replaced_and_deleted() {
    let data = with_asset();
    let data = data.path();
    let times = json!({ "startTimestamp": 0, "endTimestamp": 170_000_000,
        "presentationWindowDuration": 9_223_372_036_854_775_807_i64,
        "liveBackoffDuration": 0, "timescale": 10_000_000, "forceEndTimestamp": false });
    let mut whole = tracks(&[&[("Type", "Equal", "Audio"), ("Language", "NotEqual", "en")]]);
    whole["presentationTimeRange"] = times;
    whole["firstQuality"] = json!({ "bitrate": 128_000 });
    apply(
        data,
        &json!([
            account("b", whole.clone()),
            of_asset("film", "B", json!({})),
            of_asset("acc/film", "a", json!({}))
        ]),
    );
    assert_eq!(printed(data, &["list", "account-filters"]), "b\n");
    assert_eq!(printed(data, &["list", "assetFilter"]), "film/a\nfilm/B\n");
    // Every member survives, also numbers that no double can hold.
    let shown = printed(data, &["show", "account-filters", "B"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown, account("b", whole));
    apply(data, &shown);
    apply(data, &account("B", json!({})));
    let listed = printed(data, &["list", "account-filters", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed, json!([account("B", json!({ "tracks": [] }))]));
    printed(data, &["delete", "asset-filters", "film/b"]);
    assert_eq!(printed(data, &["list", "asset-filters"]), "film/a\n");
    let again = command(data, &["delete", "asset-filters", "film/b"], &Value::Null);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("filter film/b does not exist"));
}

#[test]
fn names_and_types_have_short_forms_and_exports_of_the_api_read() {
    let data = with_asset();
    let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Media/mediaservices/acc\
              /assets/film/assetFilters/exported";
    apply(
        data.path(),
        &json!([
            { "name": "acc/full", "type": "microsoft.media/MEDIASERVICES/accountfilters" },
            { "name": "short", "type": "accountFilters", "properties": {} },
            { "name": "film/mine", "type": "assetFilters", "properties": null },
            { "name": "exported", "id": id, "type": "Microsoft.Media/mediaServices/assets/assetFilters",
              "systemData": {}, "properties": {} },
        ]),
    );
    assert_eq!(printed(data.path(), &["list", "accountfilters"]), "full\nshort\n");
    assert_eq!(printed(data.path(), &["list", "asset-filter"]), "film/exported\nfilm/mine\n");
}

#[test]
fn what_is_wrong_is_named_and_nothing_is_stored() {
    let data = with_asset();
    let track = |property, operation, value| tracks(&[&[(property, operation, value)]]);
    for (properties, named) in [
        (json!({ "colour": 1 }), "properties.colour is unknown"),
        (json!([]), "properties is not an object"),
        (range(json!({ "start": 1 })), "presentationTimeRange.start is unknown"),
        (range(json!({ "timescale": 0 })), "presentationTimeRange.timescale"),
        (range(json!({ "timescale": -1 })), "presentationTimeRange.timescale"),
        (range(json!({ "timescale": 4_294_967_296_u64 })), "presentationTimeRange.timescale"),
        (range(json!({ "startTimestamp": -1 })), "presentationTimeRange.startTimestamp"),
        (range(json!({ "startTimestamp": 1.5 })), "presentationTimeRange.startTimestamp"),
        (range(json!({ "startTimestamp": "1" })), "presentationTimeRange.startTimestamp"),
        (range(json!({ "endTimestamp": 1e30 })), "presentationTimeRange.endTimestamp"),
        (range(json!({ "startTimestamp": 5, "endTimestamp": 5 })), "is not after startTimestamp"),
        (range(json!({ "forceEndTimestamp": 1 })), "presentationTimeRange.forceEndTimestamp"),
        (range(json!({ "forceEndTimestamp": true })), "forceEndTimestamp needs an endTimestamp"),
        (
            range(json!({ "presentationWindowDuration": 599_999_999 })),
            "presentationWindowDuration is shorter than 60 seconds",
        ),
        (
            range(json!({ "liveBackoffDuration": 301, "timescale": 1 })),
            "liveBackoffDuration is longer than 300 seconds",
        ),
        (
            range(json!({ "presentationWindowDuration": 60, "liveBackoffDuration": 61,
                          "timescale": 1 })),
            "liveBackoffDuration is longer than the window",
        ),
        (json!({ "firstQuality": {} }), "firstQuality.bitrate"),
        (json!({ "firstQuality": { "bitrate": 0 } }), "firstQuality.bitrate"),
        (json!({ "firstQuality": { "bitrate": -5 } }), "firstQuality.bitrate"),
        (json!({ "tracks": {} }), "tracks is not an array"),
        (json!({ "tracks": [{}] }), "tracks[0].trackSelections is missing"),
        (json!({ "tracks": [{ "trackSelections": [{}] }] }), "trackSelections[0].property"),
        (track("Colour", "Equal", "x"), "tracks[0].trackSelections[0].property is none of"),
        (track("Type", "Like", "Video"), "tracks[0].trackSelections[0].operation"),
        (track("Type", "Equal", "Smell"), "tracks[0].trackSelections[0]: the value \"Smell\""),
        (track("Bitrate", "Equal", "5-4"), "of Bitrate"),
        (track("Bitrate", "Equal", "-4"), "of Bitrate"),
        (track("Bitrate", "Equal", "99999999999999999999"), "of Bitrate"),
        (track("Language", "Equal", "klingonish"), "of Language"),
        (track("FourCC", "Equal", "avc"), "of FourCC"),
        (track("Name", "Equal", ""), "of Name"),
    ] {
        let documents = json!([account("fine", json!({})), account("bad", properties)]);
        let output = command(data.path(), &["apply", "-"], &documents);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{documents}: {said}");
        assert!(said.contains("[1]: filter bad: ") && said.contains(named), "{named}: {said}");
    }
    for (document, named) in [
        (json!("text"), "a resource is an object"),
        (json!({ "type": "accountFilters" }), "name is missing"),
        (json!({ "name": "x" }), "type is missing"),
        (json!({ "name": "x", "type": "transforms" }), "\"transforms\" is not known"),
        (
            json!({ "name": "x", "type": "accountFilters", "location": "here" }),
            "location is unknown",
        ),
        (json!({ "name": "x;y", "type": "accountFilters" }), "letters, digits"),
        (json!({ "name": "a/b/c", "type": "accountFilters" }), "\"account/filter\" is expected"),
        (json!({ "name": "x", "type": "assetFilters" }), "\"asset/filter\""),
        (json!({ "name": "nowhere/x", "type": "assetFilters" }), "asset nowhere does not exist"),
    ] {
        let output = command(data.path(), &["apply", "-"], &document);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{document}: {said}");
        assert!(said.contains(named), "{named}: {said}");
    }
    assert_eq!(printed(data.path(), &["list", "account-filters"]), "");
}

#[test]
fn files_that_are_none_are_refused_and_kinds_that_are_none_are_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("filters.json");
    for text in ["", "{", "{\"name\": \"x\"} trailing"] {
        std::fs::write(&file, text).unwrap();
        let output = portcullis().arg("apply").arg(&file).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("filters.json: "), "{text}");
    }
    let missing = portcullis().args(["apply", "/nowhere.json"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(1));
    let unknown = portcullis().args(["list", "colours"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("account-filters, asset-filters"));
}

/// What another version wrote, or somebody by hand, keeps nobody from what is beside it.
#[tokio::test]
async fn a_damaged_filter_is_named_and_the_others_go_on() {
    let data = with_asset();
    let data = data.path();
    apply(data, &json!([account("fine", json!({})), of_asset("film", "own", json!({}))]));
    let url = format!("sqlite://{}", data.join("portcullis.db").display());
    let mut database = SqliteConnection::connect(&url).await.unwrap();
    for asset in [None, Some("film")] {
        sqlx::query(
            "INSERT INTO filters (asset, folded, name, properties)
             VALUES ($1, 'bad', 'bad', '{\"colour\":1}')",
        )
        .bind(asset)
        .execute(&mut database)
        .await
        .unwrap();
    }
    for (kind, listed, named) in [
        ("account-filters", "fine\n", "stored filter bad: properties.colour is unknown"),
        ("asset-filters", "film/own\n", "stored asset film: filter bad: "),
    ] {
        let output = command(data, &["list", kind], &Value::Null);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && said.contains(named), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), listed);
    }
    printed(data, &["show", "account-filters", "fine"]);
    let shown = command(data, &["show", "account-filters", "bad"], &Value::Null);
    assert!(String::from_utf8_lossy(&shown.stderr).contains("properties.colour is unknown"));
    apply(data, &account("bad", json!({})));
    printed(data, &["delete", "asset-filters", "film/bad"]);
    assert_eq!(printed(data, &["list", "account-filters"]), "bad\nfine\n");
    assert_eq!(printed(data, &["list", "asset-filters"]), "film/own\n");
}

#[test]
fn account_and_assets_have_a_hundred_filters_each_at_most() {
    let data = with_asset();
    let data = data.path();
    let named = |n: usize| format!("f{n:03}");
    let documents: Vec<Value> = (0..100).map(|n| account(&named(n), json!({}))).collect();
    apply(data, &json!(documents));
    let more = command(data, &["apply", "-"], &account("more", json!({})));
    let said = String::from_utf8(more.stderr).unwrap();
    assert_eq!(more.status.code(), Some(1), "{said}");
    assert!(said.contains("the account has 100 filters already"), "{said}");
    // One that is there can be replaced, and those of assets are counted by themselves.
    apply(data, &account("F050", json!({ "firstQuality": { "bitrate": 1 } })));
    let documents: Vec<Value> = (0..100).map(|n| of_asset("film", &named(n), json!({}))).collect();
    apply(data, &json!(documents));
    let more = command(data, &["apply", "-"], &of_asset("film", "more", json!({})));
    assert!(String::from_utf8_lossy(&more.stderr).contains("asset film has 100 filters already"));
    printed(data, &["delete", "account-filters", "f000"]);
    apply(data, &account("more", json!({})));
    assert_eq!(printed(data, &["list", "account-filters"]).lines().count(), 100);
}
