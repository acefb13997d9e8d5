//! Foreign judges of our bytes: ffmpeg, shaka-packager and xmllint, as typed functions.
//!
//! A missing tool fails the test with advice; only the schemas of the shared corpus may be absent.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aes::Aes128;
use cipher::block_padding::Pkcs7;
use cipher::{BlockModeDecrypt, KeyIvInit};
use tempfile::NamedTempFile;

/// One sample as a demuxer hands it out, timestamps in the track's timescale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) dts: i64,
    pub(crate) pts: i64,
    pub(crate) duration: i64,
    pub(crate) size: usize,
    /// MD5 of the sample's bytes, in hexadecimal.
    pub(crate) digest: String,
}

/// The samples of one track in decoding order, and the timescale of their times.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Samples {
    pub(crate) timescale: i64,
    pub(crate) list: Vec<Sample>,
}

impl Samples {
    /// What has to survive packaging unchanged: the bytes of every sample, in order.
    pub(crate) fn contents(&self) -> Vec<(usize, &str)> {
        self.list.iter().map(|sample| (sample.size, sample.digest.as_str())).collect()
    }

    /// From the decoding time of the first sample to that of the last, in seconds.
    pub(crate) fn span(&self) -> f64 {
        self.span_from(0)
    }

    /// The same without the first samples.
    pub(crate) fn span_from(&self, left_out: usize) -> f64 {
        let [first, .., last] = &self.list[left_out..] else { panic!("{self:?} are too few") };
        precise(last.dts - first.dts) / precise(self.timescale)
    }

    /// How many times of so many seconds begin while there are samples.
    pub(crate) fn starts_within(&self, seconds: i64) -> usize {
        let [first, .., last] = &self.list[..] else { panic!("{self:?} are too few") };
        usize::try_from((last.dts - first.dts) / (seconds * self.timescale)).unwrap() + 1
    }
}

#[allow(clippy::cast_precision_loss)]
fn precise(ticks: i64) -> f64 {
    ticks as f64
}

/// A content key with its identifier, both in hexadecimal without hyphens.
#[derive(Debug, Clone)]
pub(crate) struct HexKey {
    pub(crate) kid: String,
    pub(crate) key: String,
}

/// Which track of a file: ffmpeg's stream specifier, for example `v:0` or `a:1`.
pub(crate) type Stream<'a> = &'a str;

/// The samples of a track as they lie in the file.
pub(crate) fn samples_of_file(file: &Path, stream: Stream<'_>) -> Samples {
    demux(AS_STORED, utf8(file), stream)
}

/// The samples of a track of an initialization segment followed by its fragments.
pub(crate) fn samples_of_bytes(media: &[u8], stream: Stream<'_>) -> Samples {
    let file = stored(media, ".mp4");
    demux(AS_FRAGMENTS, utf8(file.path()), stream)
}

/// As [`samples_of_bytes`], decrypted by ffmpeg (`cenc`, `cbcs` and their relatives).
pub(crate) fn samples_decrypted_by_ffmpeg(
    media: &[u8],
    key: &HexKey,
    stream: Stream<'_>,
) -> Samples {
    let file = stored(media, ".mp4");
    let flags = [AS_FRAGMENTS, &["-decryption_key", &key.key]].concat();
    demux(&flags, utf8(file.path()), stream)
}

/// As [`samples_of_bytes`], decrypted by shaka-packager; `kind` is `video` or `audio`.
pub(crate) fn samples_decrypted_by_packager(media: &[u8], key: &HexKey, kind: &str) -> Samples {
    let encrypted = stored(media, ".mp4");
    let clear = stored(&[], ".mp4");
    let descriptor = format!(
        "in={},stream={kind},output={}",
        encrypted.path().display(),
        clear.path().display()
    );
    let keys = format!("label=:key_id={}:key={}", key.kid, key.key);
    run(Command::new(packager()).args([
        &descriptor,
        "--enable_raw_key_decryption",
        "--keys",
        &keys,
    ]));
    samples_of_file(clear.path(), &kind[..1])
}

/// Encrypts a file the way shaka-packager does, in fragments of its own.
pub(crate) fn encrypted_by_packager(
    file: &Path,
    key: &HexKey,
    kind: &str,
    scheme: &str,
) -> Vec<u8> {
    encrypted_by_packager_with(file, key, kind, &["--protection_scheme", scheme])
}

/// As [`encrypted_by_packager`], with flags that say how.
pub(crate) fn encrypted_by_packager_with(
    file: &Path,
    key: &HexKey,
    kind: &str,
    flags: &[&str],
) -> Vec<u8> {
    let output = stored(&[], ".mp4");
    let descriptor =
        format!("in={},stream={kind},output={}", file.display(), output.path().display());
    let keys = format!("label=:key_id={}:key={}", key.kid, key.key);
    let always = ["--enable_raw_key_encryption", "--clear_lead", "0", "--keys", &keys];
    run(Command::new(packager()).arg(descriptor).args(always).args(flags));
    std::fs::read(output.path()).expect("shaka-packager wrote its output")
}

/// Has shaka-packager write a protected presentation of a file into a folder: `film.mpd`,
/// `film.m3u8`, and of each kind an init segment and segments.
pub(crate) fn presentation_by_packager(
    dir: &Path,
    file: &Path,
    kinds: &[&str],
    key: &HexKey,
    flags: &[&str],
) {
    let descriptor = |kind: &&str| {
        format!(
            "in={},stream={kind},init_segment={kind}-init.mp4,segment_template={kind}-$Number$.m4s,\
             playlist_name={kind}.m3u8",
            file.display()
        )
    };
    let keys = format!("label=:key_id={}:key={}", key.kid, key.key);
    run(Command::new(std::path::absolute(packager()).expect("a current folder"))
        .current_dir(dir)
        .args(kinds.iter().map(descriptor))
        .args(["--mpd_output", "film.mpd", "--hls_master_playlist_output", "film.m3u8"])
        .args(["--enable_raw_key_encryption", "--clear_lead", "0", "--keys", &keys])
        .args(["--generate_static_live_mpd"])
        .args(flags));
}

/// Has shaka-packager do in a folder what these arguments say.
pub(crate) fn packaged_by_packager(dir: &Path, arguments: &[&str]) {
    let program = std::path::absolute(packager()).expect("a current folder");
    run(Command::new(program).current_dir(dir).args(arguments));
}

/// Has shaka-packager write transport streams of a file into a folder, with the playlist `film.m3u8`;
/// under SAMPLE-AES where there is a key, with this IV.
pub(crate) fn transport_by_packager(
    dir: &Path,
    file: &Path,
    kind: &str,
    key: Option<(&HexKey, &str)>,
) {
    let descriptor = format!(
        "in={},stream={kind},segment_template={kind}-$Number$.ts,playlist_name=film.m3u8",
        file.display()
    );
    let mut command = Command::new(std::path::absolute(packager()).expect("a current folder"));
    command.current_dir(dir).arg(descriptor);
    command.args(["--hls_master_playlist_output", "master.m3u8", "--segment_duration", "2"]);
    if let Some((key, iv)) = key {
        let keys = format!("label=:key_id={}:key={}:iv={iv}", key.kid, key.key);
        let raw =
            ["--enable_raw_key_encryption", "--protection_scheme", "cbcs", "--clear_lead", "0"];
        command.args(raw).args(["--keys", &keys, "--hls_key_uri", "key.bin"]);
    }
    run(&mut command);
}

/// Has ffmpeg make a file.
pub(crate) fn made_by_ffmpeg(flags: &[&str], output: &Path) {
    run(Command::new("ffmpeg").args(["-nostdin", "-loglevel", "error"]).args(flags).arg(output));
}

/// Has ffmpeg encrypt a file under `cenc` without fragments.
pub(crate) fn encrypted_by_ffmpeg(file: &Path, key: &HexKey, flags: &[&str]) -> Vec<u8> {
    let output = stored(&[], ".mp4");
    let encryption = ["-encryption_scheme", "cenc-aes-ctr", "-encryption_key", &key.key];
    run(Command::new("ffmpeg")
        .args(["-loglevel", "error", "-y", "-i", utf8(file), "-map", "0:0", "-c", "copy"])
        .args(encryption)
        .args(["-encryption_kid", &key.kid])
        .args(flags)
        .arg(output.path()));
    std::fs::read(output.path()).expect("ffmpeg wrote its output")
}

/// When the first sample of a track is shown, in seconds, edit lists applied.
pub(crate) fn shown_first(file: &Path, stream: Stream<'_>) -> f64 {
    let mut command = Command::new("ffprobe");
    command.args(["-loglevel", "error", "-select_streams", stream]);
    command.args(["-show_entries", "packet=pts_time", "-of", "csv=p=0"]).arg(file);
    let output = run(&mut command).output;
    let times = output.lines().filter_map(|line| line.trim_end_matches(',').parse().ok());
    let first = times.min_by(|a: &f64, b| a.total_cmp(b));
    first.unwrap_or_else(|| panic!("no time in what ffprobe printed:\n{output}"))
}

/// Plays an HLS playlist through HTTP as ffmpeg does: the samples of one of its tracks.
pub(crate) fn samples_played_by_ffmpeg(url: &str, stream: Stream<'_>) -> Samples {
    demux(AS_PLAYLIST, url, stream)
}

/// Decodes a track of a playlist and fails on any complaint of ffmpeg.
pub(crate) fn decodes_without_complaint(url: &str, stream: Stream<'_>) {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-loglevel", "warning", "-xerror"]);
    command.args(AS_PLAYLIST).args(["-i", url]);
    command.args(["-map", &format!("0:{stream}"), "-f", "null", "-"]);
    let said = run(&mut command).complaints;
    // It says so of every subtitle rendition, and plays on without.
    let complaints = said.lines().filter(|line| !line.contains("Can't support the subtitle(uri"));
    let complaints: Vec<&str> = complaints.filter(|line| !line.trim().is_empty()).collect();
    assert!(complaints.is_empty(), "ffmpeg decodes {url} with complaints:\n{said}");
}

/// Digests of the pictures of a file as ffmpeg decodes them.
pub(crate) fn pictures_of_file(file: &Path) -> Vec<String> {
    digests(&[], utf8(file))
}

/// Digests of the pictures that ffmpeg shows when it plays the first video of a manifest.
pub(crate) fn decoded_pictures(url: &str) -> Vec<String> {
    let flags: &[&str] = if url.contains("m3u8") { AS_PLAYLIST } else { &[] };
    digests(flags, url)
}

fn digests(input_flags: &[&str], input: &str) -> Vec<String> {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-loglevel", "error"]);
    command.args(input_flags).args(["-i", input, "-map", "0:v:0", "-f", "framemd5", "-"]);
    let output = run(&mut command).output;
    let lines = output.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit(',').next().unwrap_or_default().trim().to_owned()).collect()
}

/// Digests of the pictures or blocks of sound that come out of a track of a file or a playlist.
pub(crate) fn decoded(input: &str, stream: Stream<'_>) -> Vec<String> {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-loglevel", "error", "-xerror"]);
    if input.starts_with("http") {
        command.args(AS_PLAYLIST);
    }
    command.args(["-i", input, "-map", &format!("0:{stream}"), "-fps_mode", "passthrough"]);
    let output = run(command.args(["-f", "framemd5", "-"])).output;
    let samples = parse_framemd5(&output);
    samples.map_or_else(Vec::new, |samples| {
        samples.list.into_iter().map(|sample| sample.digest).collect()
    })
}

/// The elementary stream of a track of a file: AVC and HEVC as byte streams, AAC as ADTS, images and
/// other sound as they are.
pub(crate) fn elementary_stream(file: &Path, stream: Stream<'_>) -> Vec<u8> {
    extract(&["-ignore_editlist", "1"], utf8(file), stream)
}

/// The samples of the first data track of fragments, one behind the other: ffmpeg takes text in
/// MP4 for data.
pub(crate) fn data_of_bytes(media: &[u8]) -> Vec<u8> {
    copied(&[], utf8(stored(media, ".mp4").path()), "d:0", "data")
}

/// As [`elementary_stream`], of a transport stream.
pub(crate) fn elementary_stream_of_bytes(media: &[u8], stream: Stream<'_>) -> Vec<u8> {
    extract(&[], utf8(stored(media, ".ts").path()), stream)
}

/// As [`elementary_stream`], of a playlist that is played through HTTP.
pub(crate) fn elementary_stream_of_playlist(url: &str, stream: Stream<'_>) -> Vec<u8> {
    extract(AS_PLAYLIST, url, stream)
}

/// As [`elementary_stream_of_playlist`], of the text of a playlist whose URIs are absolute.
pub(crate) fn elementary_stream_of_text(playlist: &str, stream: Stream<'_>) -> Vec<u8> {
    let file = stored(playlist.as_bytes(), ".m3u8");
    let flags = [AS_PLAYLIST, &["-protocol_whitelist", "file,http,tcp,data,crypto"]].concat();
    extract(&flags, utf8(file.path()), stream)
}

/// As [`elementary_stream_of_text`], of sound that goes with a variant: only there ffmpeg looks for
/// the description of packed audio.
pub(crate) fn elementary_stream_of_rendition(playlist: &str, variant: &str) -> Vec<u8> {
    let sound = stored(playlist.as_bytes(), ".m3u8");
    let master = format!(
        "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\",DEFAULT=YES,URI=\"{}\"\n\
         #EXT-X-STREAM-INF:BANDWIDTH=1000000,AUDIO=\"a\"\n{variant}\n",
        utf8(sound.path())
    );
    elementary_stream_of_text(&master, "a")
}

/// The cues of a text file or track as ffmpeg reads them: start and end in milliseconds, text with
/// the tags of SubRip.
pub(crate) fn cues_read_by_ffmpeg(text: &[u8], suffix: &str) -> Vec<(u64, u64, String)> {
    let file = stored(text, suffix);
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-loglevel", "warning", "-xerror", "-copyts", "-i"]);
    let said = run(command.arg(file.path()).args(["-map", "0:s:0", "-f", "srt", "-"]));
    assert!(said.complaints.is_empty(), "{}", said.complaints);
    let block = |block: &str| {
        let (_, rest) = block.split_once('\n')?;
        let (times, text) = rest.split_once('\n')?;
        let (start, end) = times.split_once(" --> ")?;
        Some((subrip_time(start)?, subrip_time(end)?, text.trim_end().to_owned()))
    };
    said.output
        .replace('\r', "")
        .split("\n\n")
        .filter(|part| !part.trim().is_empty())
        .filter_map(block)
        .collect()
}

/// `hh:mm:ss,mmm` in milliseconds.
fn subrip_time(text: &str) -> Option<u64> {
    let parts: Option<Vec<u64>> = text.split([':', ',']).map(|part| part.parse().ok()).collect();
    match parts?.as_slice() {
        [h, m, s, ms] => Some(((h * 60 + m) * 60 + s) * 1000 + ms),
        _ => None,
    }
}

fn extract(input_flags: &[&str], input: &str, stream: Stream<'_>) -> Vec<u8> {
    let format = match codec_name(input_flags, input, stream).as_str() {
        "aac" => "adts".to_owned(),
        "png" => "image2pipe".to_owned(),
        other => other.to_owned(),
    };
    copied(input_flags, input, stream, &format)
}

/// What ffprobe calls the codec of a track.
fn codec_name(input_flags: &[&str], input: &str, stream: Stream<'_>) -> String {
    let mut command = Command::new("ffprobe");
    // Of a file the edit list says nothing about the codec, and ffprobe has another word for it.
    let is_playlist = input.contains("://") || input.ends_with(".m3u8");
    command.args(["-v", "error"]).args(input_flags.iter().filter(|_| is_playlist));
    command.args(["-select_streams", stream, "-show_entries", "stream=codec_name"]);
    let said = run(command.args(["-of", "default=nw=1:nk=1", input])).output;
    said.lines().next().expect("a codec").to_owned()
}

/// The track alone in a transport stream that ffmpeg muxes.
pub(crate) fn muxed_by_ffmpeg(file: &Path, stream: Stream<'_>) -> Vec<u8> {
    copied(&[], utf8(file), stream, "mpegts")
}

fn copied(input_flags: &[&str], input: &str, stream: Stream<'_>, format: &str) -> Vec<u8> {
    let output = stored(&[], ".out");
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-loglevel", "error", "-xerror"]);
    command.arg("-y").args(input_flags).args(["-i", input]);
    command.args(["-map", &format!("0:{stream}"), "-c", "copy", "-f", format]);
    run(command.arg(output.path()));
    std::fs::read(output.path()).expect("ffmpeg wrote its output")
}

/// Decodes a piece of a transport stream by itself and fails on any complaint; gives how many
/// pictures or blocks of sound came out.
pub(crate) fn decodes_alone(media: &[u8], stream: Stream<'_>) -> usize {
    let file = stored(media, ".ts");
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-loglevel", "warning", "-xerror"]);
    command.arg("-i").arg(file.path());
    command.args(["-map", &format!("0:{stream}"), "-f", "framemd5", "-"]);
    let said = run(&mut command);
    assert!(
        said.complaints.is_empty(),
        "ffmpeg decodes a segment with complaints:\n{}",
        said.complaints
    );
    let lines = said.output.lines();
    lines.filter(|line| !line.starts_with('#')).count()
}

/// The first picture of a piece of media, which must decode by itself without any complaint.
/// What follows behind its last byte may be missing.
pub(crate) fn first_picture(media: &[u8], key: Option<&HexKey>) -> Sample {
    let file = stored(media, ".mp4");
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-loglevel", "warning", "-xerror"]);
    command.args(AS_FRAGMENTS);
    command.args(key.iter().flat_map(|key| ["-decryption_key", &key.key]));
    command.arg("-i").arg(file.path());
    command.args(["-map", "0:v:0", "-frames:v", "1", "-f", "null", "-"]);
    command.args([
        "-map",
        "0:v:0",
        "-frames:v",
        "1",
        "-c",
        "copy",
        "-copyts",
        "-f",
        "framemd5",
        "-",
    ]);
    let said = run(&mut command);
    // A key frame that is a range of its fragment ends before the fragment does.
    let complaints = said.complaints.lines().filter(|line| !line.ends_with("partial file"));
    let complaints: Vec<&str> = complaints.collect();
    assert!(complaints.is_empty(), "ffmpeg decodes a picture with complaints: {complaints:?}");
    let mut samples = parse_framemd5(&said.output).expect("a list of samples").list;
    assert_eq!(samples.len(), 1);
    samples.remove(0)
}

/// Undoes AES-128 of a whole segment; key and IV in hexadecimal.
pub(crate) fn decrypted_segment(mut data: Vec<u8>, key: &str, iv: &str) -> Vec<u8> {
    let bytes = |hex: &str| -> [u8; 16] {
        let digits = hex.trim_start_matches("0x").to_lowercase();
        let bytes = data_encoding::HEXLOWER.decode(digits.as_bytes()).expect("hexadecimal");
        bytes.try_into().expect("16 bytes")
    };
    let decryptor = cbc::Decryptor::<Aes128>::new(&bytes(key).into(), &bytes(iv).into());
    decryptor.decrypt_padded::<Pkcs7>(&mut data).expect("padding").to_vec()
}

/// What is wrong with an MPD by the shared schema: `None` when nothing is, or when the schema is
/// not there to judge (which is said). `Label` came with the fourth edition, behind this one, so
/// these elements alone are taken out before it judges.
pub(crate) fn mpd_complaint(mpd: &str) -> Option<String> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/schemas/dash/DASH-MPD.xsd");
    if !schema.exists() {
        eprintln!("skipped: no {} to validate the MPD against", schema.display());
        return None;
    }
    let file = stored(without_labels(mpd).as_bytes(), ".mpd");
    let mut command = Command::new("xmllint");
    command.args(["--nonet", "--noout", "--schema"]).arg(schema).arg(file.path());
    attempt(&mut command).err()
}

fn without_labels(mpd: &str) -> String {
    let (front, rest) = mpd.split_once("<Label>").unwrap_or((mpd, ""));
    let behind = rest.split_once("</Label>").map_or("", |(_, behind)| behind);
    if behind.is_empty() { front.to_owned() } else { front.to_owned() + &without_labels(behind) }
}

/// Samples as they are stored: edit lists hide and move nothing.
const AS_STORED: &[&str] = &["-ignore_editlist", "1"];

/// Read straight through: when ffmpeg 5.1 may seek it gives samples of encrypted fragments the
/// subsample maps of their neighbours, whoever packaged them.
const AS_FRAGMENTS: &[&str] = &["-ignore_editlist", "1", "-seekable", "0"];

/// URLs in the shape of Azure Media Services end in no file extension, which ffmpeg refuses in
/// playlists unless told otherwise.
const AS_PLAYLIST: &[&str] = &["-extension_picky", "0", "-allowed_segment_extensions", "ALL"];

fn demux(input_flags: &[&str], input: &str, stream: Stream<'_>) -> Samples {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-loglevel", "error", "-xerror"]);
    command.args(input_flags).args(["-i", input, "-map", &format!("0:{stream}"), "-c", "copy"]);
    let output = run(command.args(["-copyts", "-f", "framemd5", "-"])).output;
    parse_framemd5(&output)
        .unwrap_or_else(|| panic!("no list of samples in what ffmpeg printed:\n{output}"))
}

/// Reads ffmpeg's `framemd5` text: `stream, dts, pts, duration, size, md5` per sample.
fn parse_framemd5(text: &str) -> Option<Samples> {
    let timebase = text.lines().find_map(|line| line.strip_prefix("#tb 0: 1/"))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let list: Option<Vec<Sample>> = lines.map(parse_sample).collect();
    Some(Samples { timescale: timebase.trim().parse().ok()?, list: list? })
}

fn parse_sample(line: &str) -> Option<Sample> {
    let mut fields = line.split(',').map(str::trim).skip(1);
    let mut number = || fields.next()?.parse::<i64>().ok();
    let (dts, pts, duration, size) = (number()?, number()?, number()?, number()?);
    let digest = fields.next()?.to_owned();
    Some(Sample { dts, pts, duration, size: size.try_into().ok()?, digest })
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("paths of tests are UTF-8")
}

fn packager() -> PathBuf {
    let machine = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "x64",
    };
    let program = format!("tests/node_modules/shaka-packager/bin/packager-linux-{machine}");
    Path::new(env!("CARGO_MANIFEST_DIR")).join(program)
}

fn stored(bytes: &[u8], suffix: &str) -> NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(suffix).tempfile().expect("a temporary file");
    file.write_all(bytes).expect("room for a temporary file");
    file
}

struct Said {
    output: String,
    complaints: String,
}

/// Runs a judge; a refusal fails the test with everything that the judge said.
fn run(command: &mut Command) -> Said {
    attempt(command).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn attempt(command: &mut Command) -> Result<Said, String> {
    let started = command.stdin(Stdio::null()).output();
    let finished = started.unwrap_or_else(|error| {
        panic!("{} cannot be run ({error}): run `make setup`", command.get_program().display())
    });
    let said = Said {
        output: String::from_utf8_lossy(&finished.stdout).into_owned(),
        complaints: String::from_utf8_lossy(&finished.stderr).into_owned(),
    };
    if finished.status.success() {
        return Ok(said);
    }
    Err(format!("{command:?} refused ({}):\n{}", finished.status, said.complaints))
}
