//! Every stream of a `dev` server that offers licences, asked by the independent clients of `../shared`
//! with all their good and bad devices and requests. Skipped, and said so, where they are not installed.

use std::path::Path;

use crate::support::drm_clients::Tools;
use crate::support::server::{DevServer, Stream, portcullis};

/// System, its client, a good device, the scheme of the keys that it is asked for.
const CLIENTS: &[(&str, &str, &str, &str)] = &[
    ("org.w3.clearkey", "clearkey", "", ""),
    ("com.widevine.alpha", "widevine", "widevine/device_l3.wvd", "cenc"),
    ("com.microsoft.playready", "playready", "playready/device_sl2000.prd", "cenc"),
    ("com.apple.fps", "fairplay", "", "cbcs"),
];

/// What a client is told of one stream.
struct Case<'a> {
    stream: &'a Stream,
    client: &'static str,
    device: &'static str,
    url: &'a str,
    kid: &'a str,
    key: &'a str,
}

fn cases(stream: &Stream) -> impl Iterator<Item = Case<'_>> {
    let offered = CLIENTS.iter().filter_map(|row| Some((row, stream.licenses.get(row.0)?)));
    offered.flat_map(move |(&(_, client, device, scheme), url)| {
        let keys = stream.keys.iter().filter(move |key| scheme.is_empty() || key.scheme == scheme);
        // The matrix asks for one key.
        let keys = keys.take(1);
        keys.map(move |key| Case { stream, client, device, url, kid: &key.kid, key: &key.key })
    })
}

/// A `dev` server with roots and devices of the tools' making.
fn server(roots: &Path) -> DevServer {
    DevServer::builder().flag("--drm-dir", roots.to_str().unwrap()).start()
}

#[test]
fn every_stream_with_licences_holds_against_all_clients() {
    let Some(tools) = Tools::find() else { return };
    let roots = tools.roots();
    let server = server(roots.path());
    let cases: Vec<_> = server.ready.streams.iter().flat_map(cases).collect();
    let clients: Vec<_> =
        cases.iter().map(|case| (case.stream.name.as_str(), case.client)).collect();
    for name in ["drm-open", "drm-token"] {
        for (_, client, ..) in CLIENTS {
            assert!(clients.contains(&(name, *client)), "{name} offers no {client}: {clients:?}");
        }
    }
    let failures = tools.side_by_side(&cases, |case| {
        let mut flags = vec!["--kid", case.kid, "--key", case.key];
        let system = format!("--{}", case.client);
        flags.extend([system.as_str(), case.url]);
        flags.extend(case.stream.token.iter().flat_map(|token| ["--token", token]));
        let said = tools.matrix(roots.path(), &flags);
        said.err().map(|said| format!("{} {}:\n{said}", case.stream.name, case.client))
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn without_a_token_that_covers_the_key_every_client_is_refused() {
    let Some(tools) = Tools::find() else { return };
    let roots = tools.roots();
    let server = server(roots.path());
    let guarded = server.ready.streams.iter().filter(|stream| stream.token.is_some());
    let cases: Vec<_> = guarded.flat_map(cases).collect();
    assert!(cases.len() >= CLIENTS.len(), "{} cases", cases.len());
    let other = token_for(&server, "0badc0de-0bad-c0de-0bad-c0de0badc0de");
    let failures = tools.side_by_side(&cases, |case| {
        let forged = format!("{}x", case.stream.token.as_ref().unwrap());
        let wrong = [(None, "401"), (Some(&forged), "401"), (Some(&other), "403")];
        let against = wrong.into_iter().filter_map(|(token, status)| {
            let device = roots.path().join(case.device);
            let mut flags = vec!["--kid", case.kid, "--expect-status", status];
            if !case.device.is_empty() {
                flags.extend(["--device", device.to_str().unwrap()]);
            }
            flags.extend(token.iter().flat_map(|token| ["--token", token.as_str()]));
            let client = format!("{}_client.py", case.client);
            let said = tools.ask_here(&client, roots.path(), case.url, &flags);
            said.err().map(|said| format!("{} {client} {status}: {said}", case.stream.name))
        });
        let against: Vec<_> = against.collect();
        (!against.is_empty()).then(|| against.join("\n"))
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A token of the policy `token` for one key alone.
fn token_for(server: &DevServer, kid: &str) -> String {
    let mut command = portcullis();
    command.args(["token", "make", "--policy", "token", "--kid", kid, "--data"]);
    let made = command.arg(&server.data).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}
