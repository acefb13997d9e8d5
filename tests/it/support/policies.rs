//! Streams under streaming policies that only a test has.

use std::path::Path;

use portcullis::policy::StreamingPolicy;
use portcullis::store::{DATABASE_FILE, Store, kek};
use serde_json::{Value, json};

use super::filters::command;
use super::origin::get;
use super::server::{DevServer, Stream};

/// Publishes a folder of a server for DASH and open to all, under a policy that knows the one block
/// of encryption; the policy is called as the block is.
pub(crate) async fn published(server: &DevServer, folder: &Path, block: &str) -> Stream {
    let properties = json!({ block: { "enabledProtocols": { "dash": true } } });
    published_under(server, folder, block, &properties).await
}

/// The same under a policy with these properties.
pub(crate) async fn published_under(
    server: &DevServer,
    folder: &Path,
    name: &str,
    properties: &Value,
) -> Stream {
    let policy = StreamingPolicy::from_properties(name, &properties.to_string()).unwrap();
    let key = kek::load(&server.data.join("kek")).unwrap();
    let store = Store::open(&server.data.join(DATABASE_FILE), &key).await.unwrap();
    store.create_streaming_policy(&policy).await.unwrap();
    let folder = folder.to_str().unwrap();
    let flags = ["add", folder, "--json", "--policy", "open", "--streaming-policy", name];
    let output = command(&server.data, &flags, &Value::Null);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    stream(server, &String::from_utf8(output.stdout).unwrap()).await
}

/// The stream that `add` printed, at the server's address and with its keys.
async fn stream(server: &DevServer, printed: &str) -> Stream {
    let added: Value = serde_json::from_str(printed).unwrap();
    // Where nothing can be served there is no address.
    let url = added["streams"][0]["manifests"][0]["url"].as_str().unwrap_or("no://address/");
    let origin: Vec<&str> = url.splitn(4, '/').take(3).collect();
    let moved = printed.replace(&origin.join("/"), &server.ready.origin);
    let mut stream = serde_json::from_str::<Value>(&moved).unwrap()["streams"][0].take();
    for key in stream["keys"].as_array_mut().unwrap() {
        let kid = key["kid"].as_str().unwrap();
        let bytes = get(&format!("{}/?kid={kid}", server.ready.key_delivery)).await.ok();
        key["key"] = data_encoding::HEXLOWER.encode(&bytes).into();
    }
    serde_json::from_value(stream).unwrap()
}
