//! `apply`, `list`, `show` and `delete` of policies and locators.

use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

use crate::support::documents::{KID_HD, KID_SD, ladder, printed, refused, shown};
use crate::support::filters::command;
use crate::support::origin::demo;

/// A data folder with the asset `film`.
pub(super) fn with_asset() -> TempDir {
    let data = TempDir::new().unwrap();
    let clip = demo("gate_h264_540p.mp4");
    printed(data.path(), &["add", clip.to_str().unwrap(), "--name", "gate"], &Value::Null);
    data
}

#[test]
fn the_same_again_changes_nothing_and_what_refers_to_others_comes_last() {
    let folder = with_asset();
    let data = folder.path();
    let all: Value = ladder("gate").into();
    let lines = |done: &str| {
        let names = [
            "content-key-policies/sd",
            "content-key-policies/hd",
            "streaming-policies/ladder",
            "streaming-locators/film",
        ];
        names.map(|name| format!("{name} {done}\n")).concat()
    };
    assert_eq!(printed(data, &["apply", "-"], &all), lines("created"));
    assert_eq!(printed(data, &["apply", "-"], &all), lines("unchanged"));
    // What `show` prints is what was there, with and without secrets.
    for flags in [
        &["streaming-locators", "film"][..],
        &["streaming-policies", "ladder"],
        &["streaming-locator", "film", "--with-secrets"],
        &["content-key-policies", "hd", "--with-secrets"],
    ] {
        let done = printed(data, &["apply", "-"], &shown(data, flags));
        assert!(done.ends_with(" unchanged\n"), "{flags:?}: {done}");
    }
    let listed = printed(data, &["list", "streaming-policies"], &Value::Null);
    assert!(listed.starts_with("Predefined_DownloadOnly\n") && listed.ends_with("\nladder\n"));
}

/// What the answers of Azure Media Services hold beside what was sent (ams-rest.md sections 3.2 to 3.4).
#[test]
fn answers_of_the_api_are_taken_as_documents() {
    let folder = with_asset();
    let data = folder.path();
    let plain = ladder("gate");
    let mut answers = plain.clone();
    for answer in &mut answers {
        answer["id"] = json!("/subscriptions/x");
        answer["systemData"] = json!({ "createdBy": "x" });
        let properties = &mut answer["properties"];
        properties["created"] = json!("2023-01-02T03:04:05.678Z");
        if let Some(options) = properties["options"].as_array_mut() {
            for option in options {
                option["policyOptionId"] = json!("9eb4050d-e44b-4802-932e-27d75083e266");
            }
            properties["policyId"] = json!("9eb4050d-e44b-4802-932e-27d75083e267");
            properties["lastModified"] = json!("2023-01-02T03:04:05.678Z");
        } else {
            properties.as_object_mut().unwrap().remove("options");
        }
    }
    let done = printed(data, &["apply", "-"], &answers.clone().into());
    assert_eq!(done.matches(" created\n").count(), 4, "{done}");
    for again in [answers.clone(), plain] {
        let done = printed(data, &["apply", "-"], &again.into());
        assert_eq!(done.matches(" unchanged\n").count(), 4, "{done}");
    }
    let policy = answers.iter().position(|it| it["properties"]["policyId"].is_string()).unwrap();
    answers[policy]["properties"]["options"][0]["policyOptionId"] = json!(7);
    let said = refused(data, &["apply", "-"], &answers.into());
    assert!(said.contains("options[0].policyOptionId is not a string"), "{said}");
}

#[test]
fn secrets_are_shown_on_request_only() {
    let folder = with_asset();
    let data = folder.path();
    printed(data, &["apply", "-"], &ladder("gate").into());
    let keys = |document: &Value| document["properties"]["contentKeys"].clone();
    let hidden = keys(&shown(data, &["streaming-locators", "film"]));
    let open = keys(&shown(data, &["streaming-locators", "film", "--with-secrets"]));
    assert_eq!(
        hidden[1],
        json!({ "id": KID_HD, "type": "CommonEncryptionCenc",
        "labelReferenceInStreamingPolicy": "HD", "policyName": "hd", "tracks": [] })
    );
    assert_eq!(open[1]["value"], "/f39/f39/f39/f39/f39/Q==");
    assert_eq!(
        (&open[2]["id"], &open[2]["value"]),
        (&json!(KID_SD), &json!("XV1dXV1dXV1dXV1dXV1dXQ=="))
    );
    let key = "/properties/options/0/restriction/primaryVerificationKey/keyValue";
    let hidden = shown(data, &["content-key-policies", "sd"]);
    assert_eq!(hidden.pointer(key), Some(&json!("")));
    let open = shown(data, &["content-key-policies", "sd", "--with-secrets"]);
    assert!(open.pointer(key).unwrap().as_str().unwrap().len() > 40);
    let listed = printed(data, &["list", "content-key-policies", "--json"], &Value::Null);
    assert!(listed.contains(r#""keyValue": """#) && !listed.contains("XV1dXV"), "{listed}");
    // An empty secret is none: what was shown without secrets does not take the place of the rest.
    let said = refused(data, &["apply", "-"], &hidden);
    assert!(said.contains("at least 32 bytes"), "{said}");
}

#[test]
fn what_never_changes_is_refused_by_the_member_that_differs() {
    let folder = with_asset();
    let data = folder.path();
    let all = ladder("gate");
    printed(data, &["apply", "-"], &all.clone().into());
    let (film, policy) = (&all[0], &all[1]);
    let cenc = "/properties/commonEncryptionCenc";
    let key = "/properties/contentKeys/0";
    let cases = [
        (
            policy,
            format!("{cenc}/enabledProtocols/hls"),
            json!(false),
            "commonEncryptionCenc.enabledProtocols.hls",
        ),
        (
            policy,
            format!("{cenc}/contentKeys/keyToTrackMappings/0/label"),
            json!("UHD1"),
            "commonEncryptionCenc.contentKeys.keyToTrackMappings[0].label",
        ),
        (
            film,
            "/properties/streamingPolicyName".into(),
            json!("Predefined_ClearStreamingOnly"),
            "streamingPolicyName",
        ),
        (
            film,
            format!("{key}/id"),
            json!("00000000-0000-4000-8000-000000000001"),
            "contentKeys[0].id",
        ),
        (film, format!("{key}/value"), json!("AAAAAAAAAAAAAAAAAAAAAA=="), "contentKeys[0].value"),
        (
            film,
            format!("{key}/labelReferenceInStreamingPolicy"),
            json!("HD"),
            "contentKeys[0].labelReferenceInStreamingPolicy",
        ),
    ];
    for (document, pointer, value, member) in cases {
        let mut changed = document.clone();
        *changed.pointer_mut(&pointer).unwrap() = value;
        let said = refused(data, &["apply", "-"], &changed);
        assert!(said.trim_end().ends_with(&format!("another {member}")), "{member}: {said}");
    }
    for (member, value) in [
        ("endTime", json!("2030-01-02T03:04:05.678Z")),
        ("alternativeMediaId", json!("other")),
        ("streamingLocatorId", json!("00000000-0000-4000-8000-000000000002")),
    ] {
        let mut changed = film.clone();
        changed["properties"][member] = value;
        let said = refused(data, &["apply", "-"], &changed);
        assert!(said.trim_end().ends_with(&format!("another {member}")), "{member}: {said}");
    }
    // Content key policies do change.
    let mut changed = all[3].clone();
    changed["properties"]["description"] = json!("for those who paid");
    assert_eq!(printed(data, &["apply", "-"], &changed), "content-key-policies/hd replaced\n");
}

#[test]
fn what_is_in_use_stays_and_a_locator_takes_its_keys_along() {
    let folder = with_asset();
    let data = folder.path();
    let all: Value = ladder("gate").into();
    printed(data, &["apply", "-"], &all);
    for (kind, name) in [("streaming-policies", "ladder"), ("content-key-policies", "hd")] {
        let said = refused(data, &["delete", kind, name], &Value::Null);
        assert!(said.contains("is used by film"), "{said}");
    }
    let said =
        refused(data, &["delete", "streaming-policies", "Predefined_ClearKey"], &Value::Null);
    assert!(said.contains("is predefined"), "{said}");
    for (kind, name) in [
        ("streaming-locators", "film"),
        ("streaming-policies", "ladder"),
        ("content-key-policies", "hd"),
    ] {
        printed(data, &["delete", kind, name], &Value::Null);
        let said = refused(data, &["show", kind, name], &Value::Null);
        assert!(said.contains("does not exist"), "{said}");
    }
    // The KIDs are free again.
    assert!(printed(data, &["apply", "-"], &all).contains("streaming-locators/film created"));
}

#[test]
fn times_and_ids_of_locators_survive() {
    let folder = with_asset();
    let data = folder.path();
    let properties = json!({
        "assetName": "gate", "streamingPolicyName": "Predefined_ClearStreamingOnly",
        "streamingLocatorId": "6B2F0F7E-0000-4000-8000-000000000001",
        "startTime": "2024-01-02T03:04:05.000Z", "endTime": "2034-01-02T03:04:05.874139Z",
        "alternativeMediaId": "media 1", "defaultContentKeyPolicyName": "open",
        "filters": [], "contentKeys": null });
    let document = crate::support::documents::locator("clear", properties);
    printed(data, &["apply", "-"], &document);
    assert!(printed(data, &["apply", "-"], &document).ends_with("unchanged\n"));
    let mut seen = shown(data, &["streaming-locators", "clear"])["properties"].take();
    assert!(seen["created"].take().as_str().unwrap().ends_with('Z'));
    assert_eq!(
        seen,
        json!({
        "assetName": "gate", "streamingPolicyName": "Predefined_ClearStreamingOnly",
        "streamingLocatorId": "6b2f0f7e-0000-4000-8000-000000000001", "created": null,
        "startTime": "2024-01-02T03:04:05.000Z", "endTime": "2034-01-02T03:04:05.874Z",
        "alternativeMediaId": "media 1", "defaultContentKeyPolicyName": "open",
        "filters": [], "contentKeys": [] })
    );
    let endless = shown(data, &["streaming-locators", "gate-cenc-token"]);
    assert_eq!(endless["properties"]["endTime"], "9999-12-31T23:59:59.9999999Z");
}

/// Whoever lists locators does not open their keys: one that cannot be opened is no obstacle.
#[tokio::test]
async fn keys_are_opened_only_where_they_are_shown() {
    let folder = with_asset();
    let data = folder.path();
    printed(data, &["apply", "-"], &ladder("gate").into());
    let database = data.join(portcullis::store::DATABASE_FILE);
    let mut db =
        SqliteConnection::connect(&format!("sqlite://{}", database.display())).await.unwrap();
    let swapped = sqlx::query(
        "UPDATE content_keys SET wrapped = (SELECT wrapped FROM content_keys WHERE kid = $1)
         WHERE kid = $2",
    )
    .bind(KID_HD)
    .bind(KID_SD)
    .execute(&mut db);
    assert_eq!(swapped.await.unwrap().rows_affected(), 1);
    db.close().await.unwrap();
    let listed = printed(data, &["list", "streaming-locators", "--json"], &Value::Null);
    assert!(listed.contains(KID_SD), "{listed}");
    assert!(shown(data, &["streaming-locators", "film"]).to_string().contains(KID_SD));
    let opened =
        command(data, &["show", "streaming-locators", "film", "--with-secrets"], &Value::Null);
    let said = String::from_utf8(opened.stderr).unwrap();
    assert_eq!(opened.status.code(), Some(3), "{said}");
    assert!(said.contains(KID_SD), "{said}");
}
