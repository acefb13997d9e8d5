//! `portcullis drm init`, and licences for the devices in its folder and in that of `dev`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::drm_clients::Tools;
use crate::support::server::{DevServer, Key, portcullis};

/// Exit code, output and complaint.
fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = portcullis().args(arguments).output().unwrap();
    let said = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), said(output.stdout), said(output.stderr))
}

fn init(dir: &Path) -> Value {
    let (code, said, complaint) = run(&["drm", "init", dir.to_str().unwrap(), "--json"]);
    assert_eq!(code, Some(0), "{complaint}");
    serde_json::from_str(&said).unwrap()
}

/// A folder, made once, and what was said of it.
fn made() -> &'static (TempDir, Value) {
    static MADE: LazyLock<(TempDir, Value)> = LazyLock::new(|| {
        let dir = TempDir::new().unwrap();
        let said = init(&dir.path().join("drm"));
        (dir, said)
    });
    &MADE
}

fn dir() -> PathBuf {
    made().0.path().join("drm")
}

/// Paths below a folder with what is in them.
fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        if entry.file_type().unwrap().is_dir() {
            assert_eq!(mode, 0o700, "{entry:?}");
            found.extend(contents(&entry.path()));
        } else {
            assert_eq!(mode, 0o600, "{entry:?}");
            found.push((entry.path(), fs::read(entry.path()).unwrap()));
        }
    }
    found.sort();
    found
}

/// Asks as a device of a folder for the keys of a stream.
fn ask(
    server: &DevServer,
    (system, path): (&str, &str),
    (dir, device): (&Path, &str),
    (keys, more): (&[&Key], &[&str]),
) -> (Option<i32>, BTreeSet<String>, String) {
    let url = format!("{}/{path}/", server.ready.key_delivery);
    let device = dir.join(device);
    let mut arguments = vec!["license", "request", "--system", system, "--url", &url];
    arguments.extend(["--device", device.to_str().unwrap(), "--drm-dir", dir.to_str().unwrap()]);
    for key in keys {
        arguments.extend(["--kid", &key.kid]);
    }
    arguments.extend(more);
    let (code, said, complaint) = run(&arguments);
    (code, said.lines().map(str::to_owned).collect(), complaint)
}

fn lines(keys: &[&Key]) -> BTreeSet<String> {
    keys.iter().map(|key| format!("{}:{}", key.kid.replace('-', ""), key.key)).collect()
}

const WIDEVINE: (&str, &str) = ("widevine", "Widevine");
const PLAYREADY: (&str, &str) = ("playready", "PlayReady");

/// The devices of a folder get the keys of both streams, with a token where one is needed.
fn devices_get_keys(server: &DevServer, dir: &Path, devices: &[((&str, &str), &str)]) {
    for (system, device) in devices {
        for name in ["drm-open", "drm-token"] {
            let stream = server.ready.stream(name);
            let keys: Vec<&Key> = stream.keys.iter().filter(|key| key.scheme == "cenc").collect();
            assert_eq!(keys.len(), 1, "{name}");
            let token: Vec<&str> =
                stream.token.iter().flat_map(|token| ["--token", token]).collect();
            let (code, found, said) = ask(server, *system, (dir, device), (&keys, &token));
            assert_eq!((code, &found), (Some(0), &lines(&keys)), "{device} {name}: {said}");
            if !token.is_empty() {
                let (code, found, said) = ask(server, *system, (dir, device), (&keys, &[]));
                assert_eq!((code, found.len()), (Some(1), 0), "{device} {name}: {said}");
                assert!(said.contains("token-missing"), "{said}");
            }
        }
    }
}

/// The FairPlay client gets the keys of both streams by certificates of both lengths.
fn fairplay_gets_keys(server: &DevServer, dir: &Path) {
    let url = format!("{}/FairPlay/", server.ready.key_delivery);
    let fixed = ["license", "request", "--system", "fairplay", "--url", &url, "--drm-dir"];
    for name in ["drm-open", "drm-token"] {
        let stream = server.ready.stream(name);
        let keys: Vec<&Key> = stream.keys.iter().filter(|key| key.scheme == "cbcs").collect();
        let kids = keys.iter().flat_map(|key| ["--kid", &key.kid]);
        let fixed: Vec<&str> =
            fixed.into_iter().chain([dir.to_str().unwrap()]).chain(kids).collect();
        let token: Vec<&str> = stream.token.iter().flat_map(|token| ["--token", token]).collect();
        for more in [&[][..], &["--spc-version", "1"], &["--offline", "--renew"]] {
            let (code, said, complaint) = run(&[&fixed[..], more, &token].concat());
            let found: BTreeSet<String> = said.lines().map(str::to_owned).collect();
            assert_eq!((code, lines(&keys)), (Some(0), found), "{name} {more:?}: {complaint}");
        }
        if !token.is_empty() {
            let (code, said, complaint) = run(&fixed);
            assert_eq!((code, &*said), (Some(1), ""), "{name}");
            assert!(complaint.contains("token-missing"), "{complaint}");
        }
    }
}

#[test]
fn the_folder_is_made_once_and_is_private() {
    let dir = dir();
    let before = contents(&dir);
    let said = &made().1;
    assert_eq!(said["made"], true);
    let named: BTreeSet<PathBuf> =
        said["files"].as_array().unwrap().iter().map(|it| dir.join(it.as_str().unwrap())).collect();
    assert_eq!(named, before.iter().map(|(path, _)| path.clone()).collect());
    let again = init(&dir);
    assert_eq!((&again["made"], &again["files"]), (&false.into(), &Value::Array(Vec::new())));
    assert_eq!(contents(&dir), before);
    let (code, said, _) = run(&["drm", "init", dir.to_str().unwrap()]);
    assert!(code == Some(0) && said.contains("nothing was changed"), "{said}");
}

#[test]
fn what_lies_in_the_folder_is_never_replaced() {
    let root = TempDir::new().unwrap();
    let dir = root.path().to_str().unwrap();
    for (file, complaint) in [("film.mp4", "no trust.json"), ("trust.json", "trust.json: ")] {
        fs::write(root.path().join(file), "mine").unwrap();
        let (code, said, error) = run(&["drm", "init", dir]);
        assert_eq!((code, &*said), (Some(1), ""), "{error}");
        assert!(error.contains(complaint), "{error}");
        assert_eq!(fs::read(root.path().join(file)).unwrap(), b"mine");
    }
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
}

#[test]
fn devices_that_were_made_get_keys_and_bad_ones_do_not() {
    let dir = dir();
    let server = DevServer::builder().flag("--drm-dir", dir.to_str().unwrap()).start();
    let good = [
        (WIDEVINE, "widevine/device_l1.wvd"),
        (WIDEVINE, "widevine/device_l3.wvd"),
        (WIDEVINE, "widevine/device_chrome.wvd"),
        (PLAYREADY, "playready/device_sl2000.prd"),
        (PLAYREADY, "playready/device_sl3000.prd"),
    ];
    devices_get_keys(&server, &dir, &good);
    fairplay_gets_keys(&server, &dir);
    let keys: Vec<&Key> = server.ready.stream("drm-open").keys.iter().take(1).collect();
    let l3 = (&*dir, "widevine/device_l3.wvd");
    let (code, found, said) = ask(&server, WIDEVINE, l3, (&keys, &["--privacy"]));
    assert_eq!((code, found), (Some(0), lines(&keys)), "{said}");
    for (name, reason) in [
        ("expired", "widevine-device-expired"),
        ("revoked_system", "widevine-device-revoked"),
        ("revoked_serial", "widevine-device-revoked"),
        ("badsig", "widevine-device-untrusted"),
        ("forged", "widevine-device-untrusted"),
        ("wrongsystem", "widevine-device-untrusted"),
        ("rogue", "widevine-device-untrusted"),
    ] {
        let device = format!("widevine/device_{name}.wvd");
        let (code, found, said) = ask(&server, WIDEVINE, (&dir, &device), (&keys, &[]));
        assert_eq!((code, found.len()), (Some(1), 0), "{name}: {said}");
        assert!(said.contains(reason), "{name}: {said}");
    }
    let rogue = (&*dir, "playready/device_rogue.prd");
    let (code, found, said) = ask(&server, PLAYREADY, rogue, (&keys, &[]));
    assert_eq!((code, found.len()), (Some(1), 0), "{said}");
}

#[test]
fn dev_has_devices_of_its_own_and_prints_a_command_for_them() {
    let data = TempDir::new().unwrap();
    let server = DevServer::builder().data(data.path()).start();
    let dir = data.path().join("drm");
    let before = contents(&dir);
    let devices = [
        (WIDEVINE, "widevine/device_l1.wvd"),
        (WIDEVINE, "widevine/device_l3.wvd"),
        (WIDEVINE, "widevine/device_chrome.wvd"),
        (PLAYREADY, "playready/device_sl2000.prd"),
        (PLAYREADY, "playready/device_sl3000.prd"),
    ];
    devices_get_keys(&server, &dir, &devices);
    fairplay_gets_keys(&server, &dir);
    let output = server.output();
    let command = output.lines().find_map(|line| line.trim().strip_prefix("portcullis license "));
    let command = format!("\"$0\" license {}", command.expect(&output));
    let done = std::process::Command::new("sh")
        .args(["-c", &command, env!("CARGO_BIN_EXE_portcullis")])
        .output()
        .unwrap();
    let first = server.ready.stream("drm-open").keys.iter().take(1).collect::<Vec<_>>();
    assert_eq!(String::from_utf8(done.stdout).unwrap().trim(), lines(&first).first().unwrap());
    // Devices of another folder are strangers here.
    let stranger = (&*self::dir(), "widevine/device_l3.wvd");
    assert_eq!(ask(&server, WIDEVINE, stranger, (&first, &[])).0, Some(1));
    drop(server);
    DevServer::builder().data(data.path()).start();
    assert_eq!(contents(&dir), before, "a restart changes nothing");
}

#[test]
fn the_playready_client_says_what_it_needs() {
    let dir = dir();
    let device = dir.join("playready/device_sl2000.prd");
    let fixed = [
        "license",
        "request",
        "--system",
        "playready",
        "--url",
        "http://127.0.0.1:1/",
        "--kid",
        "9eb4050d-e44b-4802-932e-27d75083e266",
    ];
    let device = ["--device", device.to_str().unwrap()];
    for (more, complaint) in [
        (&[][..], "--device is needed"),
        (&device, "--drm-dir is needed"),
        (&["--renew"], "are not for PlayReady"),
    ] {
        let (code, _, said) = run(&[&fixed[..], more].concat());
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(complaint), "{said}");
    }
}

/// pywidevine and pyplayready, through the tools in `../shared`, as devices of both folders; skipped,
/// and said so, where they are not installed.
#[tokio::test]
async fn independent_clients_take_the_folders_for_their_own() {
    let Some(tools) = Tools::find() else { return };
    let made = dir();
    let data = TempDir::new().unwrap();
    let own = DevServer::builder().data(data.path()).start();
    let other = DevServer::builder().flag("--drm-dir", made.to_str().unwrap()).start();
    for (server, dir) in [(&own, data.path().join("drm")), (&other, made)] {
        let stream = server.ready.stream("drm-open");
        let of = |scheme: &str| stream.keys.iter().find(|key| key.scheme == scheme).unwrap();
        let (cenc, cbcs, mpd) = (of("cenc"), of("cbcs"), &stream.manifest("dash").url);
        let file = |name: &str| dir.join(name).to_str().unwrap().to_owned();
        let [l1, chrome] =
            ["l1", "chrome"].map(|name| file(&format!("widevine/device_{name}.wvd")));
        let sl2000 = file("playready/device_sl2000.prd");
        for (script, system, flags, key) in [
            ("widevine_client.py", "com.widevine.alpha", ["--device", &l1, "--from", mpd], cenc),
            (
                "widevine_client.py",
                "com.widevine.alpha",
                ["--device", &chrome, "--from", mpd],
                cenc,
            ),
            (
                "playready_client.py",
                "com.microsoft.playready",
                ["--device", &sl2000, "--from", mpd],
                cenc,
            ),
            ("fairplay_client.py", "com.apple.fps", ["--bits", "1024", "--kid", &cbcs.kid], cbcs),
            ("fairplay_client.py", "com.apple.fps", ["--bits", "2048", "--kid", &cbcs.kid], cbcs),
        ] {
            let url = &stream.licenses[system];
            let found = tools.ask(script, &dir, url, &flags).await;
            let found = found.map(BTreeSet::from_iter);
            assert_eq!(found, Ok(lines(&[key])), "{script} {flags:?}");
        }
    }
}
