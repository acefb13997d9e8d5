//! Folders that tests may change under a running server, and answers read whole.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::Value;
use tempfile::TempDir;

use super::http::client;
use super::server::{DevServer, Stream, portcullis};

/// For ten milliseconds, twenty when it is busy, the server takes what it last saw of its files for what
/// they are: tests change files between two requests, and wait that out before each.
const LOOK_GOOD_FOR: Duration = Duration::from_millis(22);

/// A clip that is always there: part of the product.
pub(crate) const CLIP: &str = "gate_h264_180p.mp4";

pub(crate) fn demo(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo").join(name)
}

/// A `dev` server over folders of its own.
pub(crate) struct Shelf {
    pub(crate) server: DevServer,
    media: TempDir,
}

impl Shelf {
    /// One asset for each folder, with copies of these files. At least two, so that the names of
    /// streams start with that of the folder.
    pub(crate) fn start<'a>(folders: impl IntoIterator<Item = (&'a str, Vec<PathBuf>)>) -> Self {
        Self::start_for("modern", folders)
    }

    /// The same for clients of a profile.
    pub(crate) fn start_for<'a>(
        compat: &str,
        folders: impl IntoIterator<Item = (&'a str, Vec<PathBuf>)>,
    ) -> Self {
        let media = TempDir::new().unwrap();
        for (folder, files) in folders {
            let dir = media.path().join(folder);
            fs::create_dir(&dir).unwrap();
            for file in files {
                copy(&file, &dir.join(file.file_name().unwrap()));
            }
        }
        let server = DevServer::builder().media(media.path()).flag("--compat", compat).start();
        Self { server, media }
    }

    /// One asset for each folder, with a copy of everything that lies in the other. At least two.
    pub(crate) fn of_folders<'a>(folders: impl IntoIterator<Item = (&'a str, PathBuf)>) -> Self {
        let media = TempDir::new().unwrap();
        for (folder, from) in folders {
            copy_folder(&from, &media.path().join(folder));
        }
        let server = DevServer::builder().media(media.path()).start();
        Self { server, media }
    }

    /// Where a folder, or a file in it, lies.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.media.path().join(inside)
    }

    /// Publishes a folder under a streaming policy, open to all, with flags of `add`; gives the address
    /// of the locator.
    pub(crate) fn published(&self, folder: &str, streaming_policy: &str, flags: &[&str]) -> String {
        let mut add = portcullis();
        add.args(["add", "--json", "--policy", "open", "--streaming-policy", streaming_policy]);
        add.args(flags).arg("--data").arg(&self.server.data).arg(self.path(folder));
        let output = add.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let added: Value = serde_json::from_slice(&output.stdout).unwrap();
        let locator = added["streams"][0]["locatorId"].as_str().unwrap();
        format!("{}/{locator}", self.server.ready.origin)
    }

    /// Lets a folder hold this one file and nothing else.
    pub(crate) fn replace_all(&self, folder: &str, file: &Path) {
        for old in fs::read_dir(self.path(folder)).unwrap() {
            fs::remove_file(old.unwrap().path()).unwrap();
        }
        copy(file, &self.path(folder).join(file.file_name().unwrap()));
    }

    /// The stream of a folder under a protection, open to all.
    pub(crate) fn stream(&self, folder: &str, form: &str) -> &Stream {
        self.server.ready.stream(&format!("{folder}-{form}-open"))
    }
}

/// Copies bytes, not modes: files of the corpus are read-only.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::write(to, fs::read(from).unwrap()).unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() { copy_folder(&path, &copied) } else { copy(&path, &copied) }
    }
}

impl Stream {
    /// Everything in front of `manifest(...)`, with a slash at the end.
    pub(crate) fn root(&self) -> &str {
        let url = &self.manifests[0].url;
        &url[..url.rfind("manifest").unwrap()]
    }

    /// The address of a part of the stream, parameters as given.
    pub(crate) fn url(&self, part: &str) -> String {
        format!("{}{part}", self.root())
    }

    /// The address of the `n`th fragment of the highest level, as HLS names it.
    pub(crate) async fn fragment(&self, n: usize) -> String {
        let playlist = self.playlist().await;
        lines(&playlist, "Fragments(").await.swap_remove(n)
    }

    /// The address of the init segment of the highest level.
    pub(crate) async fn init(&self) -> String {
        let fragment = self.fragment(0).await;
        let (front, rest) = fragment.split_once("(video=").unwrap();
        let (_, selectors) = rest.split_once(',').unwrap();
        format!("{front}(video=i,{selectors}")
    }

    /// The address of the media playlist of the highest level.
    pub(crate) async fn playlist(&self) -> String {
        let children = hls_children(&self.manifest("hls").url).await;
        children.into_iter().next_back().unwrap()
    }
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Code and message of a refusal, whose body must repeat the status.
    pub(crate) fn refusal(&self) -> (u16, &str, &str) {
        let status = self.status.as_u16();
        assert_eq!(self.header("content-type"), "application/xml", "{self:?}");
        assert_eq!(element(self.text(), "status"), status.to_string());
        assert_eq!(element(self.text(), "subStatus"), "0");
        let code = element(self.text(), "hresult");
        (status, code, element(self.text(), "message"))
    }

    /// The bytes, of an answer that must be 200.
    pub(crate) fn ok(self) -> Vec<u8> {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        self.body
    }
}

/// The addresses of the media playlists of a multivariant playlist: sound, then levels upwards.
/// Those of key frames are left out.
pub(crate) async fn hls_children(master: &str) -> Vec<String> {
    let text = String::from_utf8(get(master).await.ok()).unwrap();
    let (folder, _) = master.rsplit_once('/').unwrap();
    let at = text.match_indices("QualityLevels(");
    let uri = |(at, _)| text[at..].lines().next().unwrap().trim_end_matches('"');
    let all = at.map(uri).filter(|uri| !uri.contains("type=keyframes"));
    all.map(|uri| format!("{folder}/{uri}")).collect()
}

/// The addresses on the lines of a playlist that start so.
async fn lines(playlist: &str, start: &str) -> Vec<String> {
    let text = String::from_utf8(get(playlist).await.ok()).unwrap();
    let (folder, _) = playlist.rsplit_once('/').unwrap();
    let uris = text.lines().filter(|line| line.starts_with(start));
    uris.map(|uri| format!("{folder}/{uri}")).collect()
}

fn element<'x>(xml: &'x str, name: &str) -> &'x str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap();
    rest.split_once(&format!("</{name}>")).unwrap().0
}

/// Waits until no look at the files counts that was before this.
pub(crate) async fn settled() {
    tokio::time::sleep(LOOK_GOOD_FOR).await;
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    settled().await;
    send_at_once(request).await
}

pub(crate) async fn send_at_once(request: RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    Answer {
        status: answer.status(),
        headers: answer.headers().clone(),
        body: answer.bytes().await.unwrap().into(),
    }
}

pub(crate) fn request(method: Method, url: &str) -> RequestBuilder {
    // A client belongs to the runtime of its test; connections are not shared between tests.
    client().request(method, url)
}

pub(crate) async fn get(url: &str) -> Answer {
    send(request(Method::GET, url)).await
}

pub(crate) async fn get_with(url: &str, headers: &[(&'static str, &str)]) -> Answer {
    send(get_by(&client(), url, headers)).await
}

/// A request that is not sent yet.
pub(crate) fn get_by(
    client: &Client,
    url: &str,
    headers: &[(&'static str, &str)],
) -> RequestBuilder {
    headers.iter().fold(client.get(url), |request, (name, value)| request.header(*name, *value))
}
