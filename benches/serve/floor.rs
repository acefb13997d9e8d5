//! What this machine needs for the same bytes without us: a hyper server that does nothing but
//! answer, and nginx with the bytes as files in memory, where it is installed (`nginx-light`).
//!
//! Expectations in microseconds were written down for one machine; how many times the cost of
//! another server ours is, seen by the same clients in the same minute, can be told on any.

use std::convert::Infallible;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;

use crate::cores;
use crate::load::request;
use crate::process::Process;

/// The argument that makes this program the server that does nothing but answer.
const BARE: &str = "bare";

/// The others, over answers of ours.
pub(crate) struct Floor {
    pub(crate) bare: Process,
    /// `None` where it is not installed.
    pub(crate) nginx: Option<Process>,
    /// Requests for the answers; nginx copies what it sends, as a packager must.
    pub(crate) copied: Vec<String>,
    /// Requests for the same that nginx lets the system send (`sendfile`).
    pub(crate) sent: Vec<String>,
    _folder: TempDir,
}

impl Floor {
    /// Answers with the same bytes as `server` does to `asked`.
    pub(crate) fn of(server: &Process, asked: &[String]) -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        let folder = folder.expect("a temporary folder");
        let answers = folder.path().join("answers");
        fs::create_dir(&answers).expect("a folder");
        let mut connection = server.connect();
        for (n, request) in asked.iter().enumerate() {
            fs::write(answers.join(n.to_string()), connection.body(request)).expect("room");
        }
        let of =
            |place: &str| (0..asked.len()).map(|n| request(&format!("/{place}/{n}"))).collect();
        Self {
            bare: bare(&answers),
            nginx: nginx(folder.path()),
            copied: of("answers"),
            sent: of("sent"),
            _folder: folder,
        }
    }
}

/// Nobody else takes it: the system hands out others first.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").to_string()
}

/// `None` when it ends, or does not listen soon.
fn started(command: &mut Command, address: String) -> Option<Process> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let child = cores::of_server(|| command.spawn()).ok()?;
    let process = Process::new(child, address);
    let start = Instant::now();
    while TcpStream::connect(&process.address).is_err() {
        if start.elapsed() > Duration::from_secs(10) {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Some(process)
}

fn nginx(folder: &Path) -> Option<Process> {
    let (address, root) = (free_address(), folder.display());
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|part| format!("{part}_temp_path {root}/{part};"))
        .concat();
    let configuration = format!(
        "daemon off; master_process off; pid {root}/pid; error_log {root}/log;
        events {{ worker_connections 4096; }}
        http {{
          {temporary}
          access_log off; keepalive_requests 1000000000; open_file_cache max=100;
          server {{
            listen {address}; root {root}; output_buffers 1 256k;
            location /sent/ {{ alias {root}/answers/; sendfile on; }}
          }}
        }}"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration).expect("room");
    started(Command::new("nginx").arg("-c").arg(file), address)
}

fn bare(answers: &Path) -> Process {
    let address = free_address();
    let this = std::env::current_exe().expect("this program");
    let started = started(Command::new(this).arg(BARE).arg(&address).arg(answers), address);
    started.expect("the bare server starts")
}

/// Serves, if that is what this program was started for: answers are numbered files of a folder.
pub(crate) fn was_bare() -> bool {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(BARE) {
        return false;
    }
    let (address, answers) = (arguments.next(), arguments.next());
    let answers = PathBuf::from(answers.expect("a folder"));
    let answers: Vec<Bytes> =
        (0..).map_while(|n| fs::read(answers.join(n.to_string())).ok().map(Bytes::from)).collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(serve(&address.expect("an address"), answers.into()));
    true
}

async fn serve(address: &str, answers: Arc<[Bytes]>) {
    let listener = tokio::net::TcpListener::bind(address).await.expect("the port is free");
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).expect("a new connection");
        let answers = Arc::clone(&answers);
        let answer = move |request: Request<Incoming>| {
            let number = request.uri().path().rsplit('/').next().and_then(|n| n.parse().ok());
            let answer = answers.get(number.unwrap_or(usize::MAX)).cloned().unwrap_or_default();
            async { Ok::<_, Infallible>(Response::new(Full::new(answer))) }
        };
        let io = TokioIo::new(stream);
        tokio::spawn(http1::Builder::new().serve_connection(io, service_fn(answer)));
    }
}
