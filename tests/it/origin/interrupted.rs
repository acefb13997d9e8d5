//! A file that is written to while it is being sent: the answer is broken off.

use std::fs;
use std::io::Write;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};

use crate::support::origin::{CLIP, Shelf, demo};
use crate::support::server::portcullis;
use crate::support::wire::Client;

/// More than sockets and buffers on the way can hold.
const SIZE: usize = 64 << 20;

async fn slow_client(address: &str) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let stream: TcpStream = socket.connect(address.parse().unwrap()).await.unwrap();
    Client(stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_ends_rather_than_mix_two_versions() {
    let shelf = Shelf::start(["film", "other"].map(|folder| (folder, vec![demo(CLIP)])));
    let file = shelf.path("film/large.bin");
    fs::write(&file, vec![b'A'; SIZE]).unwrap();
    let mut add = portcullis();
    add.args(["add", "--json", "--streaming-policy", "Predefined_DownloadOnly"]);
    let added = add.arg("--data").arg(&shelf.server.data).arg(shelf.path("film")).output();
    let added: serde_json::Value = serde_json::from_slice(&added.unwrap().stdout).unwrap();
    let locator = added["streams"][0]["locatorId"].as_str().unwrap();

    let address = shelf.server.ready.origin.strip_prefix("http://").unwrap();
    let mut client = slow_client(address).await;
    client.send(&format!("GET /{locator}/large.bin HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    let head = client.read_until("\r\n\r\n").await;
    assert!(head.contains(&format!("content-length: {SIZE}")), "{head}");
    let mut writer = fs::File::options().write(true).open(&file).unwrap();
    writer.write_all(&vec![b'B'; SIZE]).unwrap();

    let mut rest = Vec::new();
    let ended = client.0.read_to_end(&mut rest).await;
    assert!(rest.len() < SIZE / 2, "{} bytes came ({ended:?})", rest.len());
    assert!(!rest.contains(&b'B'), "bytes of the new version");
    // Whoever asks now gets the new file.
    let mut client = slow_client(address).await;
    let range = "Range: bytes=0-9\r\nConnection: close";
    client.send(&format!("GET /{locator}/large.bin HTTP/1.1\r\nHost: x\r\n{range}\r\n\r\n")).await;
    assert!(client.rest().await.ends_with("BBBBBBBBBB"));
}
