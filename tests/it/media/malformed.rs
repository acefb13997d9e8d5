//! Broken files: refused with the file and the rule, at once, by a server that lives on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::origin::{CLIP, Shelf, demo, get};
use crate::support::server::media_dir;

/// What the refusal of a file must name. Files of other names must be refused too.
const RULES: &[(&str, &str)] = &[
    ("avcc_sps_length.mp4", "avcC"),
    ("box_size_4.mp4", "box 'stbl': the size is smaller than the box header"),
    ("child_larger_than_parent.mp4", "box 'minf': the box is larger than its parent 'mdia'"),
    ("ctts_count_4g.mp4", "box 'ctts': the entry count is larger than the box"),
    ("deep_nesting.mp4", "box 'moov': the mandatory child 'mvhd' is missing"),
    ("empty.mp4", "the file is empty or is no MP4"),
    ("no_stsd.mp4", "box 'stbl': the mandatory child 'stsd' is missing"),
    ("no_video_trak.mp4", "no-playable-track"),
    ("not_an_mp4.mp4", "the file is empty or is no MP4"),
    ("stco_past_eof.mp4", "stco: samples lie past the end of the file"),
    ("stsc_zero_first_chunk.mp4", "box 'stsc': the first run does not start at chunk 1"),
    ("stsd_zero_entries.mp4", "box 'stsd': there is no sample entry"),
    ("stsz_count_4g.mp4", "box 'stsz': the entry count is larger than the box"),
    ("stts_count_4g.mp4", "box 'stts': the entry count is larger than the box"),
    ("timescale_zero.mp4", "box 'mdhd': the timescale is 0"),
    ("truncated_mdat.mp4", "stco: samples lie past the end of the file"),
    ("truncated_moov.mp4", "box 'moov': the box reaches past the end of the file"),
];

/// More than the 200 KB files here can justify.
const MEMORY: u64 = 64 << 20;

fn files_of(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn name(file: &Path) -> &str {
    file.file_name().unwrap().to_str().unwrap()
}

fn resident_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes << 10
}

/// Publishes good folders, lets the files take their place, and asks for each under every form.
async fn demand_refusals(files: &[PathBuf], rule_of: impl Fn(&str) -> Option<&'static str>) {
    let names: Vec<String> = (0..files.len()).map(|n| format!("folder{n}")).collect();
    let folders = names.iter().map(|folder| (folder.as_str(), vec![demo(CLIP)]));
    let shelf = Shelf::start(folders.chain([("good", vec![demo(CLIP)])]));
    let good = shelf.stream("good", "cenc").manifest("dash").url.clone();
    get(&good).await.ok();
    let before = resident_memory(shelf.server.pid());
    for (folder, file) in names.iter().zip(files) {
        shelf.replace_all(folder, file);
        for (form, protocol) in [("clear", "hls"), ("cenc", "dash"), ("aes", "hls")] {
            let url = &shelf.stream(folder, form).manifest(protocol).url;
            let began = Instant::now();
            let answer = get(url).await;
            assert!(began.elapsed() < Duration::from_secs(1), "{file:?}: {:?}", began.elapsed());
            let (status, code, message) = answer.refusal();
            assert_eq!((status, code), (415, "MPE_INPUT_FORMAT_NOT_SUPPORTED"), "{message}");
            let reason = message.strip_prefix(&format!("{}: ", name(file)));
            let reason = reason.unwrap_or_else(|| panic!("{file:?} is not named: {message}"));
            let reason = reason.replace("&apos;", "'");
            let rule = rule_of(name(file)).unwrap_or_default();
            assert!(reason.contains(rule), "{file:?}: {reason}");
        }
    }
    get(&good).await.ok();
    let grown = resident_memory(shelf.server.pid()).saturating_sub(before);
    assert!(grown < MEMORY, "{grown} bytes more");
}

fn lookup(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|row| row.0 == name).map(|row| row.1)
}

#[tokio::test]
async fn every_broken_file_is_refused_by_its_rule() {
    let files = files_of(&media_dir().join("traps/malformed"));
    assert!(files.len() >= 16, "{files:?}");
    demand_refusals(&files, |name| lookup(RULES, name)).await;
}
