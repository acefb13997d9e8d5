//! Asks whoever applies the vendor's function D (fairplay.md section 1) for keys of devices.
//!
//! A program gets one line on its standard input, a service the same line as the body of a POST:
//! application secret key and R2 in hexadecimal digits, with a blank between them. 32 hexadecimal
//! digits come back. Nothing of either is logged, nor what a program says beside.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use reqwest::redirect::Policy;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use url::Url;
use zeroize::Zeroizing;

use crate::crypto::ContentKey;
use crate::license::fairplay::{Callee, DFunction, External, FunctionFault, Seed};
use crate::tls;

/// Questions at a time; others wait, and waiting counts as time of the answer.
const AT_ONCE: usize = 16;

/// Bytes of an answer that are read: the key, and some white space.
const MAX_ANSWER: usize = 64;

/// Variables that are ours begin so; the key-encryption key may be among them.
const OWN_VARIABLES: &str = "PORTCULLIS_";

static FREE: Semaphore = Semaphore::const_new(AT_ONCE);

/// Goes through no proxy and follows no redirection: the secret key goes where it is meant to alone.
static CLIENT: LazyLock<Result<reqwest::Client, String>> = LazyLock::new(|| {
    let builder = tls::http().map_err(|error| error.to_string())?;
    let client = builder.no_proxy().redirect(Policy::none()).build();
    client.map_err(|error| error.to_string())
});

type Bytes = Zeroizing<Vec<u8>>;

/// The key of a device.
///
/// # Errors
/// [`FunctionFault`], of external functions.
pub async fn device_key(function: &DFunction, seed: &Seed) -> Result<ContentKey, FunctionFault> {
    match function.apply(seed) {
        Ok(key) => Ok(key),
        Err(external) => ask(external, question(seed)).await,
    }
}

async fn ask(external: &External, question: Bytes) -> Result<ContentKey, FunctionFault> {
    let answer = async {
        let _slot = FREE.acquire().await;
        match &external.callee {
            Callee::Command(command) => run(command, question).await,
            Callee::Hook(url) => post(url, question, external.limit).await,
        }
    };
    let answer = timeout(external.limit, answer).await.unwrap_or(Err(FunctionFault::TimedOut));
    let key = answer.and_then(|answer| key(&answer));
    key.inspect_err(|fault| tracing::warn!(%fault, "no key of a FairPlay device"))
}

fn question(seed: &Seed) -> Bytes {
    let [ask, r2] =
        [&seed.ask.expose()[..], &seed.r2].map(|it| Zeroizing::new(HEXLOWER.encode(it)));
    Zeroizing::new([ask.as_bytes(), b" ", r2.as_bytes(), b"\n"].concat())
}

fn key(answer: &[u8]) -> Result<ContentKey, FunctionFault> {
    let mut key = Zeroizing::new([0; 16]);
    let digits = answer.trim_ascii();
    let is_key = digits.len() == 32 && HEXLOWER_PERMISSIVE.decode_mut(digits, &mut *key).is_ok();
    is_key.then(|| ContentKey::from_bytes(*key)).ok_or(FunctionFault::Answer)
}

/// A program with all that it starts; killed when it is dropped before the program ended.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn run(command: &[String], question: Bytes) -> Result<Bytes, FunctionFault> {
    let mut child = start(command)?;
    let mut group = Group(Some(Pid::from_child(&child)));
    // When the time is over and the group is killed, this ends too.
    let conversation = spawn_blocking(move || converse(&mut child, &question)).await;
    group.0 = None;
    conversation.map_err(failed)?
}

fn start(command: &[String]) -> Result<Child, FunctionFault> {
    let [program, arguments @ ..] = command else { return Err(FunctionFault::Failed) };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(OWN_VARIABLES.as_bytes()) {
            command.env_remove(name);
        }
    }
    command.process_group(0).spawn().map_err(failed)
}

fn converse(child: &mut Child, question: &[u8]) -> Result<Bytes, FunctionFault> {
    if let Some(mut stdin) = child.stdin.take() {
        // Shorter than any pipe. A program that does not read it may answer all the same.
        let _ = stdin.write_all(question);
    }
    let mut answer = Zeroizing::new(Vec::with_capacity(MAX_ANSWER + 1));
    let stdout = child.stdout.take().ok_or(FunctionFault::Failed)?;
    let read = stdout.take(MAX_ANSWER as u64 + 1).read_to_end(&mut answer);
    if read.is_err() || answer.len() > MAX_ANSWER {
        let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    }
    let status = child.wait().map_err(failed)?;
    match read {
        Ok(length) if length > MAX_ANSWER => Err(FunctionFault::Answer),
        Ok(_) if status.success() => Ok(answer),
        Ok(_) => Err(failed(status)),
        Err(error) => Err(failed(error)),
    }
}

async fn post(url: &Url, question: Bytes, limit: Duration) -> Result<Bytes, FunctionFault> {
    let client = CLIENT.as_ref().map_err(failed)?;
    let request = client.post(url.clone()).timeout(limit).body(question.to_vec());
    let lost = |error: reqwest::Error| match error.is_timeout() {
        true => FunctionFault::TimedOut,
        false => failed(error.without_url()),
    };
    let mut response = request.send().await.map_err(lost)?;
    if !response.status().is_success() {
        return Err(failed(response.status()));
    }
    let mut answer = Zeroizing::new(Vec::with_capacity(MAX_ANSWER));
    while let Some(part) = response.chunk().await.map_err(lost)? {
        if answer.len() + part.len() > MAX_ANSWER {
            return Err(FunctionFault::Answer);
        }
        answer.extend_from_slice(&part);
    }
    Ok(answer)
}

/// What failed is for the log alone, and holds nothing that was sent or answered.
fn failed(what: impl std::fmt::Display) -> FunctionFault {
    tracing::warn!(%what, "the external D function failed");
    FunctionFault::Failed
}
