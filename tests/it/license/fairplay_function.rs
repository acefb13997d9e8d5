//! Keys of FairPlay devices that a program or a service at hand makes (fairplay.md section 1).

use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::post;
use portcullis::crypto::ContentKey;
use portcullis::crypto::random::{System, array};
use portcullis::license::fairplay::client::{Device, Draft, Opener, Wish};
use portcullis::license::fairplay::{Callee, DFunction, External};

use crate::support::fairplay::{Service, World};
use crate::support::log::{Log, logged};

/// Long enough for a program to start on a machine with other work.
const PATIENT: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(1500);

async fn service(callee: Callee, limit: Duration) -> Service {
    let function = DFunction::External(External { callee, limit });
    let trust = World::get().trust_with(function);
    Service::start_with(trust, &serde_json::json!({}), true).await
}

/// A program that is a line of shell: our side starts no shell of itself.
fn shell(line: &str) -> Callee {
    Callee::Command(["sh", "-c", line].map(str::to_owned).to_vec())
}

/// A device whose key is the beginning of its R2.
fn device() -> Device {
    let r2: [u8; 21] = array(&mut System::new()).unwrap();
    Device { r2, key: ContentKey::from_bytes(r2[..16].try_into().unwrap()) }
}

fn spc(service: &Service, version: usize, device: &Device) -> (Vec<u8>, Opener) {
    let (asset, random) = (service.kid.to_string(), &mut System::new());
    let wish = Wish { asset: asset.as_bytes(), ..Wish::default() };
    let draft = Draft::new(World::get().certificate(version), device, &wish, random).unwrap();
    draft.seal(random).unwrap()
}

async fn opens(service: &Service, device: &Device) {
    for version in [1, 2] {
        let (spc, opener) = spc(service, version, device);
        let answer = service.keys.post(&service.url(), spc).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        assert_eq!(opener.open(&answer.body).unwrap().key, service.key);
    }
}

async fn refusal(callee: Callee, limit: Duration) -> (u16, String) {
    let service = service(callee, limit).await;
    service.keys.post(&service.url(), spc(&service, 1, &device()).0).await.refusal()
}

/// An address on which each path behaves in its own way.
async fn hooks() -> impl Fn(&str) -> Callee {
    let first_of_r2 = async |line: String| {
        let (_, r2) = line.trim().split_once(' ').unwrap();
        r2[..32].to_owned()
    };
    let router = Router::new()
        .route("/r2", post(first_of_r2))
        .route("/moved", post(async || Redirect::temporary("/r2")))
        .route("/failed", post(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/long", post(async || "0".repeat(1 << 20)))
        .route("/slow", post(async || tokio::time::sleep(PATIENT).await));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    move |path: &str| Callee::Hook(format!("http://{address}/{path}").parse().unwrap())
}

#[tokio::test]
async fn a_program_and_a_service_get_both_values_and_make_the_key() {
    opens(&service(shell("read ask r2; echo $r2 | cut -c1-32"), PATIENT).await, &device()).await;
    let by_ask = Device { key: World::get().ask().clone(), ..device() };
    opens(&service(shell("read ask r2; printf '  %s\\r\\n' $ask"), PATIENT).await, &by_ask).await;
    opens(&service(hooks().await("r2"), PATIENT).await, &device()).await;
}

#[tokio::test]
async fn another_key_than_that_of_the_device_opens_nothing() {
    let constant = shell("echo 00112233445566778899aabbccddeeff");
    assert_eq!(refusal(constant, PATIENT).await, (403, "fairplay-spc-integrity".into()));
}

#[tokio::test]
async fn what_goes_wrong_outside_has_a_reason_of_its_own() {
    let hook = hooks().await;
    let digits = "00112233445566778899aabbccddeeff";
    for (callee, status, reason) in [
        (Callee::Command(vec!["/no/such/program".into()]), 502, "fairplay-d-function-failed"),
        (shell(&format!("echo {digits}; exit 3")), 502, "fairplay-d-function-failed"),
        (shell("exit 0"), 502, "fairplay-d-function-answer"),
        (shell(&format!("echo {digits}0")), 502, "fairplay-d-function-answer"),
        (shell(&format!("echo {digits} | tr 0 x")), 502, "fairplay-d-function-answer"),
        (shell("yes"), 502, "fairplay-d-function-answer"),
        (hook("moved"), 502, "fairplay-d-function-failed"),
        (hook("failed"), 502, "fairplay-d-function-failed"),
        (hook("nowhere"), 502, "fairplay-d-function-failed"),
        (hook("long"), 502, "fairplay-d-function-answer"),
        (Callee::Hook("http://127.0.0.1:1/".parse().unwrap()), 502, "fairplay-d-function-failed"),
    ] {
        let what = format!("{callee:?}");
        assert_eq!(refusal(callee, PATIENT).await, (status, reason.to_owned()), "{what}");
    }
}

#[tokio::test]
async fn who_takes_too_long_is_given_up_with_all_that_he_started() {
    let dir = tempfile::tempdir().unwrap();
    let (started, survived) = (dir.path().join("started"), dir.path().join("survived"));
    let (first, second) = (started.display(), survived.display());
    let line = format!("(touch {first}; sleep 4; touch {second}) & wait");
    let began = Instant::now();
    for callee in [shell(&line), hooks().await("slow")] {
        let timed_out = (504, "fairplay-d-function-timed-out".into());
        assert_eq!(refusal(callee, SHORT).await, timed_out);
    }
    assert!(began.elapsed() < PATIENT);
    assert!(started.exists(), "the program never ran");
    // Longer than it would have slept.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(!survived.exists(), "what the program started went on");
}

#[tokio::test]
async fn a_client_that_leaves_while_the_function_works_is_in_the_audit() {
    let log = Log::default();
    let _guard = logged(&log);
    let service = service(hooks().await("slow"), PATIENT).await;
    let (url, spc) = (service.url(), spc(&service, 1, &device()).0);
    let gone = tokio::time::timeout(SHORT, service.keys.post(&url, spc)).await;
    assert!(gone.is_err());
    let records = log.audit();
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(records[0]["reason"], "request-abandoned");
}

#[tokio::test]
async fn nobody_is_asked_for_a_request_that_does_not_open_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let asked = dir.path().join("asked");
    let service = service(shell(&format!("touch {}", asked.display())), PATIENT).await;
    let mut damaged = spc(&service, 1, &device()).0;
    damaged[30] ^= 1;
    let refused = service.keys.post(&service.url(), damaged).await;
    assert_eq!(refused.refusal(), (403, "fairplay-spc-integrity".into()));
    assert!(!asked.exists());
}
