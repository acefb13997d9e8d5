//! The orderly end: nothing new is taken, what was begun is finished within the drain time.

use std::time::Duration;

use portcullis::http::limits::Limits;
use portcullis::http::server::Drained;
use tokio::net::TcpStream;

use crate::support::wire::{WireServer, brisk};

#[tokio::test]
async fn answers_under_way_are_finished_and_new_connections_refused() {
    let mut server = WireServer::start(brisk()).await;
    let mut loads = Vec::new();
    for _ in 0..20 {
        let mut client = server.connect().await;
        client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
        client.read_until("200 OK").await;
        loads.push(tokio::spawn(async move {
            client.read_slowly(200_000, Duration::from_millis(5), usize::MAX).await
        }));
    }
    let mut waiting = server.connect().await;
    waiting.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let _silent = server.connect().await;
    tokio::time::sleep(Duration::from_millis(50)).await;

    server.begin_stop();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(TcpStream::connect(server.address).await.is_err(), "still accepting");
    for load in loads {
        let read = load.await.unwrap();
        assert!(read > 4_900_000, "an answer was cut off after {read} bytes");
    }
    assert!(waiting.rest().await.contains("done"));
    assert_eq!(server.ended().await, Drained::Completely);
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut_off() {
    let limits = Limits { drain: Duration::from_millis(200), ..brisk() };
    let mut server = WireServer::start(limits).await;
    let mut client = server.connect_narrow().await;
    client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    client.read_until("200 OK").await;
    server.begin_stop();
    assert_eq!(server.ended().await, Drained::CutOff { connections: 1 });
}
