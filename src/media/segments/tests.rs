//! Which files make a rendition, by what other packagers leave behind.

use proptest::prelude::*;

use super::*;

fn grouped(files: &[&str], documents: &[(&str, &str)]) -> Result<Vec<String>, MissingSegment> {
    let files = files.iter().map(|file| (*file).to_owned()).collect();
    let documents: Vec<Document<'_>> =
        documents.iter().map(|(name, text)| Document { name, text }).collect();
    Ok(group(&files, &documents)?.into_iter().map(|group| group.files.join(" ")).collect())
}

#[test]
fn names_of_common_packagers_are_understood() {
    for (files, expected) in [
        (
            &["video_10.m4s", "video_2.m4s", "video_init.mp4"][..],
            "video_init.mp4 video_2.m4s video_10.m4s",
        ),
        (&["V300/1.m4s", "V300/2.m4s", "V300/init.mp4"], "V300/init.mp4 V300/1.m4s V300/2.m4s"),
        (
            &["init-stream0.m4s", "chunk-stream0-00001.m4s", "chunk-stream0-00002.m4s"],
            "init-stream0.m4s chunk-stream0-00001.m4s chunk-stream0-00002.m4s",
        ),
        (&["a/init.mp4", "a/seg-1.m4s", "a/seg-2.m4s"], "a/init.mp4 a/seg-1.m4s a/seg-2.m4s"),
        (&["film_dashinit.mp4", "film_dash1.m4s"], "film_dashinit.mp4 film_dash1.m4s"),
    ] {
        assert_eq!(grouped(files, &[]).unwrap(), [expected]);
    }
}

#[test]
fn what_has_no_init_segment_or_no_segments_is_no_group() {
    assert!(
        grouped(&["video_1.m4s", "video_2.m4s", "init.mp4", "film.mp4"], &[]).unwrap().is_empty()
    );
    assert!(grouped(&["été_１.m4s", "été_init.mp4", ".m4s", "init"], &[]).unwrap().is_empty());
}

const PLAYLIST: &str = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-MAP:URI=\"i%20n.mp4\"\n#EXTINF:2,\nb.m4s?x=1\n#EXTINF:2,\na.m4s\n";

#[test]
fn a_playlist_gives_files_and_order() {
    let files = ["v/i n.mp4", "v/a.m4s", "v/b.m4s"];
    let playlists = [("v/p.m3u8", PLAYLIST), ("v/again.m3u8", PLAYLIST)];
    assert_eq!(grouped(&files, &playlists).unwrap(), ["v/i n.mp4 v/b.m4s v/a.m4s"]);
    let missing = grouped(&files[..2], &playlists).unwrap_err();
    assert_eq!((missing.document.as_str(), missing.file.as_str()), ("v/p.m3u8", "v/b.m4s"));
    assert!(grouped(&["other.mp4"], &playlists).unwrap().is_empty(), "nothing of it is here");
}

#[test]
fn manifests_tell_the_language_of_what_they_list() {
    let files: BTreeSet<String> = ["v/i n.mp4", "v/a.m4s", "v/b.m4s"].map(str::to_owned).into();
    let languages = |documents: &[(&str, &str)]| -> Vec<Option<String>> {
        let documents: Vec<Document<'_>> =
            documents.iter().map(|(name, text)| Document { name, text }).collect();
        group(&files, &documents).unwrap().into_iter().map(|group| group.language).collect()
    };
    let main = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,ASSOC-LANGUAGE=\"en\",LANGUAGE=\"pt-BR\",\
                URI=\"v/p.m3u8?x\"\n";
    for (documents, expected) in [
        (&[("main.M3U8", main), ("v/p.m3u8", PLAYLIST)][..], Some("pt-BR")),
        (&[("v/p.m3u8", PLAYLIST)], None),
        (&[("v/p.mpd", &*spoken_mpd("lang='eng'", ""))], Some("eng")),
        (&[("v/p.mpd", &*spoken_mpd("lang='eng'", "lang='de'"))], Some("de")),
        (&[("v/p.mpd", &*spoken_mpd("", ""))], None),
        (&[("v/p.m3u8", PLAYLIST), ("v/p.mpd", &*spoken_mpd("lang='eng'", ""))], Some("eng")),
    ] {
        assert_eq!(languages(documents), [expected.map(str::to_owned)], "{documents:?}");
    }
}

fn spoken_mpd(set: &str, representation: &str) -> String {
    format!(
        "<MPD><Period><AdaptationSet {set}><Representation {representation}><SegmentList>\
         <Initialization sourceURL='i n.mp4'/><SegmentURL media='a.m4s'/>\
         </SegmentList></Representation></AdaptationSet></Period></MPD>"
    )
}

#[test]
fn other_playlists_list_no_group() {
    for text in [
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv/p.m3u8\n",
        "#EXTM3U\n#EXTINF:2,\na.ts\n",
        "#EXTM3U\n#EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP:URI=\"init.mp4\"\na.m4s\n",
        "#EXTM3U\n#EXT-X-MAP:URI=\"../init.mp4\"\na.m4s\n",
        "#EXTM3U\n#EXT-X-MAP:URI=\"https://example.org/init.mp4\"\na.m4s\n",
    ] {
        assert!(
            grouped(&["a.m4s", "a.ts", "init.mp4"], &[("p.m3u8", text)]).unwrap().is_empty(),
            "{text}"
        );
    }
}

/// Byte ranges of one file: the file is complete in itself.
#[test]
fn byte_ranges_mean_the_whole_file() {
    let text = "#EXTM3U\n#EXT-X-MAP:URI=\"a.mp4\",BYTERANGE=\"800@0\"\n#EXT-X-BYTERANGE:9@800\na.mp4\n#EXT-X-BYTERANGE:9@809\na.mp4\n";
    assert_eq!(grouped(&["a.mp4"], &[("p.m3u8", text)]).unwrap(), ["a.mp4"]);
}

fn mpd(representation: &str) -> String {
    format!(
        "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"><Period><AdaptationSet>{representation}</AdaptationSet></Period></MPD>"
    )
}

#[test]
fn templates_lists_and_single_files_of_an_mpd_are_found() {
    for (files, representation, expected) in [
        (
            &["v1/i.mp4", "v1/08.m4s", "v1/09.m4s", "v1/10.m4s"][..],
            r#"<SegmentTemplate initialization="$RepresentationID$/i.mp4" media="$RepresentationID$/$Number%02d$.m4s" startNumber="9"/><Representation id="v1"/>"#,
            "v1/i.mp4 v1/09.m4s v1/10.m4s",
        ),
        (
            &["7/i", "7/t0.x", "7/t90.x", "7/t100.x"],
            r#"<Representation bandwidth="7"><SegmentTemplate initialization="$Bandwidth$/i" media="$Bandwidth$/t$Time$.x"/></Representation>"#,
            "7/i 7/t0.x 7/t90.x 7/t100.x",
        ),
        (
            &["d/i.mp4", "d/z.m4s", "d/a.m4s"],
            r#"<BaseURL>d/</BaseURL><Representation><SegmentList><Initialization sourceURL="i.mp4"/><SegmentURL media="z.m4s"/><SegmentURL media="a.m4s"/></SegmentList></Representation>"#,
            "d/i.mp4 d/z.m4s d/a.m4s",
        ),
        (&["d/f.mp4"], "<Representation><BaseURL>d/f.mp4</BaseURL></Representation>", "d/f.mp4"),
    ] {
        assert_eq!(grouped(files, &[("m.mpd", &mpd(representation))]).unwrap(), [expected]);
    }
}

#[test]
fn names_that_are_filled_stay_short() {
    let template = |media: &str, id: &str| {
        mpd(&format!(
            r#"<SegmentTemplate initialization="i" media="{media}$Number$"/><Representation id="{id}"/>"#
        ))
    };
    let short = template("$RepresentationID$", "v");
    assert_eq!(grouped(&["i", "v1"], &[("m.mpd", &short)]).unwrap(), ["i v1"]);
    let long = template(&"$RepresentationID$".repeat(100_000), &"v".repeat(1 << 21));
    assert!(grouped(&["i", "v1"], &[("m.mpd", &long)]).unwrap().is_empty());
    // The same with the base of all references.
    let list = "<SegmentList><SegmentURL media=\"i\"/></SegmentList><Representation/>";
    let long = format!("<BaseURL>{}</BaseURL>{list}", "./".repeat(MAX_NAME));
    assert_eq!(grouped(&["i"], &[("m.mpd", &mpd(list))]).unwrap(), ["i"]);
    assert!(grouped(&["i"], &[("m.mpd", &mpd(&long))]).unwrap().is_empty());
}

#[test]
fn representations_without_number_take_no_time() {
    let began = std::time::Instant::now();
    let empty = "<Representation/>".repeat(20_000);
    assert!(grouped(&["i"], &[("m.mpd", &mpd(&empty))]).unwrap().is_empty());
    let template = r#"<SegmentTemplate initialization="$RepresentationID$" media="$Number$.m4s"/>"#;
    let ids: String = (0..2000).map(|n| format!("<Representation id=\"{n}\"/>")).collect();
    let files: Vec<String> = (0..2000).flat_map(|n| [format!("{n}"), format!("{n}.m4s")]).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let groups = grouped(&files, &[("m.mpd", &mpd(&format!("{ids}{template}")))]).unwrap();
    // More than a folder may have: it is refused.
    assert_eq!(groups.len(), 257);
    let listed: usize = groups.iter().map(|group| group.split(' ').count()).sum();
    assert!(listed <= files.len() + 257, "{listed}");
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}

proptest! {
    #[test]
    fn nothing_leads_out_of_the_folder(base in "[a./%2e]{0,12}", reference in "[a./%2eF\\\\]{0,16}") {
        if let Some(path) = resolve("d/m.mpd", &base, &reference) {
            prop_assert!(!path.split('/').any(|part| part == ".."), "{path}");
            prop_assert!(!path.starts_with('/'));
        }
    }

    #[test]
    fn any_text_is_taken(text: String, name in "[a-z0-9/.é$-]{0,20}", playlist: bool) {
        let document = if playlist { "m.m3u8" } else { "m.mpd" };
        let files = [name.as_str(), "init.mp4", "1.m4s"];
        let _ = grouped(&files, &[(document, &text), (document, &mpd(&text))]);
    }
}

#[test]
fn an_mpd_that_takes_a_parser_long_gives_no_group() {
    let mpd = |attributes: &str| {
        format!(
            "<MPD><Period {attributes}><AdaptationSet><Representation id='1'>\
             <SegmentTemplate initialization='i.mp4' media='$Number$.m4s'/>\
             </Representation></AdaptationSet></Period></MPD>"
        )
    };
    let files = ["i.mp4", "1.m4s"];
    assert_eq!(grouped(&files, &[("a.mpd", &mpd(""))]).unwrap(), ["i.mp4 1.m4s"]);
    let many: String = (0..65).map(|n| format!("a{n}='' ")).collect();
    assert!(grouped(&files, &[("a.mpd", &mpd(&many))]).unwrap().is_empty());
}
