//! `portcullis package`: files that any web server can serve, in the words of shaka-packager.

mod descriptor;
mod given;
mod keys;
mod unsupported;

use std::convert::Infallible;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use tokio::runtime::Handle;

use crate::cli::out::outln;
use crate::media::language;
use crate::package::announced::System;
use crate::policy::UrlTemplate;
use crate::protection::Protection;
use crate::service::packager::order::{LabelledKey, Order};
use crate::service::packager::{self, Summary};
use crate::store::{Cloud, Location};
use crate::time::WIRE_TIMESCALE;

use self::given::Described;
use super::CliError;
use super::progress::Bar;

/// Segments of six seconds, as everywhere here.
const SEGMENT: &str = "6";

/// Names that are this much alike are suggested.
const ALIKE: f64 = 0.75;

/// Arguments of `package`.
#[derive(Debug, clap::Args)]
#[command(after_help = help())]
pub(super) struct Args {
    /// Streams: in=FILE,stream=video|audio|text|N,output=FILE, or init_segment=FILE,segment_template=NAME
    #[arg(required = true, value_name = "DESCRIPTOR")]
    descriptors: Vec<String>,
    #[command(flatten)]
    protection: ProtectionArgs,
    #[command(flatten)]
    manifests: ManifestArgs,
    /// Wanted length of segments in seconds; they start with key frames
    #[arg(long = "segment_duration", alias = "segment-duration", value_name = "SECONDS",
          default_value = SEGMENT)]
    segment_duration: f64,
    /// As --segment_duration: a segment is one fragment
    #[arg(long = "fragment_duration", alias = "fragment-duration", value_name = "SECONDS")]
    fragment_duration: Option<f64>,
    /// Print what was made as JSON
    #[arg(long)]
    json: bool,
    /// Print nothing
    #[arg(long, conflicts_with = "json")]
    quiet: bool,
    #[command(flatten)]
    _unsupported: unsupported::Unsupported,
}

/// A flag that may have a value. What is neither true nor false is not told: it may be a key.
#[derive(Debug, Clone, Copy)]
struct Switch(Option<bool>);

impl Switch {
    fn parse(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.parse().ok()))
    }
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Protection")]
struct ProtectionArgs {
    /// Encrypt, with the keys of --keys
    #[arg(long = "enable_raw_key_encryption", alias = "enable-raw-key-encryption",
          num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", hide_default_value = true, hide_possible_values = true,
          value_parser = Switch::parse)]
    enable_raw_key_encryption: Switch,
    /// Keys: label=LABEL:key_id=32 DIGITS:key=32 DIGITS, several with commas between
    #[arg(long, value_name = "KEYS", value_delimiter = ',')]
    keys: Vec<String>,
    /// A file with one such key a line: whoever lists processes sees those of the command line
    #[arg(long = "key_file", alias = "key-file", value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// cenc, cbcs (SAMPLE-AES in transport streams), cens, cbc1, or AES-128
    #[arg(long = "protection_scheme", alias = "protection-scheme", value_name = "SCHEME",
          default_value = "cenc", value_parser = keys::scheme)]
    protection_scheme: Protection,
    /// Widevine, PlayReady, FairPlay, Marlin, CommonSystem; the last unless something is said, and no
    /// other under AES-128
    #[arg(long = "protection_systems", alias = "protection-systems", value_name = "SYSTEMS",
          value_delimiter = ',', value_parser = keys::system)]
    protection_systems: Vec<System>,
    /// Boxes of systems in hexadecimal, one behind the other, as they are
    #[arg(long, value_name = "HEX")]
    pssh: Option<String>,
    /// The constant IV of cbcs, or that of all segments under AES-128; derived from the key id, or
    /// from key id, file and segment
    #[arg(long, value_name = "HEX", value_parser = keys::iv)]
    iv: Option<[u8; 16]>,
    /// Segments that start before this many seconds stay clear
    #[arg(
        long = "clear_lead",
        alias = "clear-lead",
        value_name = "SECONDS",
        default_value_t = 0.0
    )]
    clear_lead: f64,
    /// After how many seconds keys change: those of a label take turns in the order in which they
    /// are given, always at the start of a segment
    #[arg(
        long = "crypto_period_duration",
        alias = "crypto-period-duration",
        value_name = "SECONDS"
    )]
    crypto_period_duration: Option<f64>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Manifests")]
struct ManifestArgs {
    /// The MPD: of the on-demand profile over whole files, else of the live profile, always static
    #[arg(long = "mpd_output", alias = "mpd-output", value_name = "FILE",
          value_parser = Location::parse)]
    mpd_output: Option<Location>,
    /// As it is always
    #[arg(long = "generate_static_live_mpd", alias = "generate-static-live-mpd",
          num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value_t = true, hide_default_value = true, hide_possible_values = true)]
    generate_static_live_mpd: bool,
    /// BaseURL elements of the MPD, several with commas between
    #[arg(long = "base_urls", alias = "base-urls", value_name = "URLS", value_delimiter = ',')]
    base_urls: Vec<String>,
    /// The multivariant playlist; media playlists go beside it
    #[arg(long = "hls_master_playlist_output", alias = "hls-master-playlist-output",
          value_name = "FILE", value_parser = Location::parse)]
    hls_master_playlist_output: Option<Location>,
    /// VOD, as it is always
    #[arg(long = "hls_playlist_type", alias = "hls-playlist-type", value_name = "TYPE",
          default_value = "VOD", value_parser = Vod::parse)]
    _hls_playlist_type: Vod,
    /// What stands in front of the URIs of playlists
    #[arg(long = "hls_base_url", alias = "hls-base-url", value_name = "URL", default_value = "",
          hide_default_value = true, value_parser = base_url)]
    hls_base_url: String,
    /// Where players of HLS find the bytes of a key: a URL, or relative to the media playlist;
    /// {ContentKeyId} stands for its id, and has to where playlists name several keys
    #[arg(long = "hls_key_uri", alias = "hls-key-uri", value_name = "URI",
          value_parser = UrlTemplate::parse_reference)]
    hls_key_uri: Option<UrlTemplate>,
    /// Language of the tracks that players start with
    #[arg(long = "default_language", alias = "default-language", value_name = "TAG",
          value_parser = tag)]
    default_language: Option<String>,
}

pub(super) fn run(args: Args) -> Result<(), CliError> {
    // What is held is small, and in huge pages every bit of it would take 2 MiB. Where the system has
    // none, there is nothing to turn off.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let (json, quiet) = (args.json, args.quiet);
    let order = order(args)?;
    let (bar, cloud) = (Bar::new(0), Cloud::new(Handle::current()));
    let summary =
        packager::run(&order, &cloud, |bytes| bar.expect(bytes), &|bytes| bar.advance(bytes))?;
    drop(bar);
    match (json, quiet) {
        (true, _) => {
            let text = serde_json::to_string_pretty(&summary).map_err(CliError::environment)?;
            outln!("{text}");
        }
        (false, false) => print(&summary),
        (false, true) => {}
    }
    Ok(())
}

/// A descriptor as it may be told: an entry of --keys behind a space is taken for one.
fn shown(text: &str) -> String {
    match text.split_once("key=") {
        Some((front, _)) => format!("{front}key=..."),
        None => text.to_owned(),
    }
}

fn order(args: Args) -> Result<Order, CliError> {
    let Args { descriptors, protection, manifests, segment_duration, fragment_duration, .. } = args;
    let stream = |text: &String| {
        descriptor::parse(text)
            .map_err(|error| CliError::usage(format_args!("'{}': {error}", shown(text))))
    };
    let (mut streams, mut text) = (Vec::new(), Vec::new());
    for described in descriptors.iter().map(stream) {
        match described? {
            Described::Media(order) => streams.push(*order),
            Described::Text(order) => text.push(*order),
        }
    }
    if streams.is_empty() {
        return Err(CliError::usage("text is cut with pictures or sound: give one of those too"));
    }
    if fragment_duration.is_some_and(|duration| duration != segment_duration) {
        let rule = "a segment is one fragment: leave it away, or say --segment_duration's value";
        return Err(CliError::usage(format_args!("--fragment_duration: {rule}")));
    }
    if !manifests.generate_static_live_mpd {
        return Err(CliError::usage("--generate_static_live_mpd: an MPD is always static"));
    }
    let segment_ms = milliseconds(segment_duration).ok_or_else(|| {
        CliError::usage("--segment_duration: more than 0 and at most 3600 seconds are expected")
    })?;
    let (protected, keys) = protection.keys()?;
    let clear_lead = ticks("--clear_lead", protection.clear_lead)?;
    let crypto_period = match protection.crypto_period_duration {
        Some(seconds) => ticks("--crypto_period_duration", seconds).map(NonZero::new)?,
        None => None,
    };
    let boxes = protection.pssh.as_deref().map(keys::boxes).transpose();
    let boxes = boxes.map_err(|error| CliError::usage(format_args!("--pssh: {error}")))?;
    let mut systems = protection.protection_systems;
    if systems.is_empty() && boxes.is_none() {
        systems.push(System::ClearKey);
    }
    Ok(Order {
        streams,
        text,
        segment_ms,
        protection: protected,
        keys,
        clear_lead,
        crypto_period,
        iv: protection.iv,
        systems,
        boxes: boxes.unwrap_or_default(),
        key_uri: manifests.hls_key_uri,
        mpd: manifests.mpd_output,
        base_urls: manifests.base_urls,
        multivariant: manifests.hls_master_playlist_output,
        hls_base_url: manifests.hls_base_url,
        default_language: manifests.default_language,
    })
}

impl ProtectionArgs {
    /// The protection in force and its keys.
    fn keys(&self) -> Result<(Protection, Vec<LabelledKey>), CliError> {
        let mut keys = Vec::new();
        for text in &self.keys {
            let key = keys::key(text);
            keys.push(key.map_err(|error| CliError::usage(format_args!("--keys: {error}")))?);
        }
        if let Some(path) = &self.key_file {
            keys.extend(read_keys(path)?);
        }
        let Switch(Some(encrypt)) = self.enable_raw_key_encryption else {
            let rule = "true or false is expected; keys are given by --keys";
            return Err(CliError::usage(format_args!("--enable_raw_key_encryption: {rule}")));
        };
        match (encrypt, keys.is_empty()) {
            (false, true) => Ok((Protection::Clear, keys)),
            (true, false) => Ok((self.protection_scheme, keys)),
            (true, true) => Err(CliError::usage("--enable_raw_key_encryption needs --keys")),
            (false, false) => {
                Err(CliError::usage("keys are used only with --enable_raw_key_encryption"))
            }
        }
    }
}

fn read_keys(path: &Path) -> Result<Vec<LabelledKey>, CliError> {
    let text = std::fs::read_to_string(path).map(zeroize::Zeroizing::new);
    let text = text.map_err(|error| CliError::file(path, &error))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let key = |(n, line): (usize, &str)| {
        let named = |error| format!("{} line {}: {error}", path.display(), n + 1);
        keys::key(line).map_err(|error| CliError::usage(named(error)))
    };
    lines.map(key).collect()
}

fn milliseconds(seconds: f64) -> Option<u32> {
    let fits = (0.001..=3600.0).contains(&seconds);
    // At most 3,600,000.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fits.then(|| (seconds * 1000.0).round() as u32)
}

/// Seconds in wire ticks.
fn ticks(flag: &str, seconds: f64) -> Result<u64, CliError> {
    let ms = if seconds == 0.0 { Some(0) } else { milliseconds(seconds) };
    let ticks = ms.map(|ms| u64::from(ms) * u64::from(WIRE_TIMESCALE / 1000));
    let rule = "0, or up to 3600 seconds are expected";
    ticks.ok_or_else(|| CliError::usage(format_args!("{flag}: {rule}")))
}

/// The type of all playlists.
#[derive(Debug, Clone, Copy)]
struct Vod;

impl Vod {
    fn parse(text: &str) -> Result<Self, String> {
        match text.eq_ignore_ascii_case("VOD") {
            true => Ok(Self),
            false => Err("only VOD is supported: inputs are files, so nothing is live".to_owned()),
        }
    }
}

fn base_url(text: &str) -> Result<String, String> {
    match text.contains(|c: char| c == '"' || c.is_control()) {
        true => Err("is a URL without quotes".to_owned()),
        false => Ok(text.to_owned()),
    }
}

fn tag(text: &str) -> Result<String, String> {
    let known = language::from_tag(text).map(|_| text.to_owned());
    known.ok_or_else(|| "is no language".to_owned())
}

/// The known name that is most like `name`, if one is like it at all.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let alike = known.map(|known| (strsim::jaro_winkler(name, known), known));
    let alike = alike.filter(|(alike, _)| *alike > ALIKE);
    alike.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, known)| known)
}

fn print(summary: &Summary) {
    for stream in &summary.streams {
        let (output, codec, segments) = (&stream.output, &stream.codec, stream.segments);
        let ids: Vec<&str> = stream.keys.iter().map(|key| &*key.key_id).collect();
        let key = stream.keys.first().map_or_else(String::new, |key| {
            format!(", {} under {} ({})", key.scheme, ids.join(", "), key.label)
        });
        outln!("{output}: {codec}, {segments} segments, {} bytes{key}", stream.bytes);
    }
    for manifest in &summary.manifests {
        outln!("{manifest}");
    }
}

fn help() -> String {
    let fields = "\
Descriptors are those of shaka-packager: in= (input=), stream= (stream_selector=), output= (out=), or
init_segment= and segment_template= (segment=) with $Number$, $Time$, $Bandwidth$; output_format=
(format=) mp4 or ts where no extension says it; trick_play_factor= (tpf=), bandwidth=, language=, drm_label=, skip_encryption=,
playlist_name=, iframe_playlist_name=, hls_group_id=, hls_name=, hls_only=, dash_only=, dash_roles=,
dash_accessibilities=; of text, forced_subtitle= and hls_characteristics= too. Names of flags are written with underscores or dashes.

What differs from shaka-packager:
  The clear lead is 0 unless --clear_lead says otherwise.
  With --crypto_period_duration the keys of one label take turns; it is not made of one key.
  A key without a label is an error. Without drm_label= a track has the label of its class: AUDIO,
  SD (up to 768x576), HD (1920x1080), UHD1 (4096x2160), UHD2.
  IVs are derived, so the same input gives the same output; --iv is refused where it would make key
  stream repeat (cenc, cens) or samples share an IV (cbc1).
  Segments start with key frames that all levels have.
  Playlists list trick_play_factor= by its key frames only: iframe_playlist_name=.
  --protection_scheme AES-128 encrypts whole segments of HLS, of WebVTT too, whose label is TEXT.
  Inputs and outputs are files of this machine, or objects: s3://bucket/key, az://container/key,
  gs://bucket/key. Credentials, regions and addresses of stores come from the environment: AWS_...,
  AZURE_..., GOOGLE_.... A file or an object has its name when it is complete, manifests come last.";
    let names: Vec<&str> =
        descriptor::UNSUPPORTED.iter().flat_map(|(names, _)| *names).copied().collect();
    let flags: Vec<&str> = unsupported::names().collect();
    let examples = "\
Examples:
  portcullis package in=film.mp4,stream=video,output=v.mp4 in=film.mp4,stream=audio,output=a.mp4 \\
    --enable_raw_key_encryption --key_file film.keys --protection_scheme cbcs \\
    --mpd_output film.mpd --hls_master_playlist_output film.m3u8 \\
    --hls_key_uri 'https://keys/{ContentKeyId}'
  portcullis package 'in=film.mp4,stream=video,segment_template=v/$Number$.ts' \\
    'in=film.mp4,stream=audio,segment_template=a/$Number$.ts' --hls_master_playlist_output film.m3u8

Exit codes: 0 done, 1 the input was refused, 2 wrong usage, 3 an output cannot be written.";
    format!(
        "{fields}\n\nNot supported, in descriptors: {}.\nNot supported, of flags: {}.\n\n{examples}",
        names.join(", "),
        flags.join(", ")
    )
}
