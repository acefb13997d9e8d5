use std::sync::Arc;

use super::*;
use crate::text::Cue;

/// Start and end in milliseconds, settings and text of each cue.
fn cues(document: &Document) -> Vec<(i64, i64, &str, &str)> {
    let cue = |cue: &Cue| (cue.start / 10_000, cue.end / 10_000);
    let both = document.cues().iter().map(|c| (cue(c), &*c.settings, &*c.text));
    both.map(|((start, end), settings, text)| (start, end, settings, text)).collect()
}

fn parsed(head: &str, body: &str) -> Document {
    let text = format!(
        "<?xml version='1.0' encoding='UTF-8'?>\n<!-- a comment -->\n\
         <tt xml:lang='de' xmlns='http://www.w3.org/ns/ttml' \
         xmlns:s='http://www.w3.org/ns/ttml#styling' xmlns:ttm='http://www.w3.org/ns/ttml#metadata'>\
         <head>{head}</head>{body}</tt>"
    );
    parse(&text).unwrap()
}

#[test]
fn times_add_up_along_the_tree() {
    let document = parsed(
        "",
        "<body begin='10s'><div begin='1s' end='9s'><p begin='1s' end='2s'>a</p>\
         <p begin='1s' dur='3s'>b</p><p>c</p><p begin='5s' end='60s'>d</p></div>\
         <div><p begin='1s'>no end</p><p begin='x' end='2s'>no time</p>\
         <p begin='3s' end='2s'>reversed</p></div></body>",
    );
    assert_eq!(
        cues(&document),
        [
            (11000, 19000, "", "c"),
            (12000, 13000, "", "a"),
            (12000, 15000, "", "b"),
            (16000, 19000, "", "d")
        ]
    );
    let note = document.note.unwrap();
    assert_eq!(note, "3 cues are left out, the first it has no end");
    assert_eq!(document.language.as_deref(), Some("de"));
}

#[test]
fn timed_spans_are_cues_of_their_own() {
    let document = parsed(
        "",
        "<body><div><p begin='1s' end='5s'>all <span begin='1s' end='2s'>one</span>\
         <span><span begin='2s' end='3s'>two</span></span></p>\
         <p><span begin='6s' end='7s'>three</span></p></div></body>",
    );
    assert_eq!(
        cues(&document),
        [
            (1000, 5000, "", "all"),
            (2000, 3000, "", "one"),
            (3000, 4000, "", "two"),
            (6000, 7000, "", "three")
        ]
    );
}

#[test]
fn spans_in_spans_look_as_what_is_around_them() {
    let document = parsed(
        "",
        "<body s:color='red'><div><p begin='1s' end='9s'><span s:fontStyle='italic'>\
         <span begin='0s' end='4s'>one <span begin='1s' end='2s'>two</span></span></span></p></div></body>",
    );
    assert_eq!(
        cues(&document),
        [(1000, 5000, "", "<c.red><i>one </i></c>"), (2000, 3000, "", "<c.red><i>two</i></c>")]
    );
}

#[test]
fn children_of_a_sequence_follow_one_another() {
    for (body, expected) in [
        (
            "<div begin='10s' timeContainer='seq'><p dur='2s'>a</p><p begin='1s' dur='3s'>b</p><p end='1s'>c</p></div>",
            &[("a", 10, 12), ("b", 13, 16), ("c", 16, 17)][..],
        ),
        // Neither comments nor what stands in elements of others is text.
        (
            "<div timeContainer='seq'><p><!-- n --><metadata>x</metadata><span begin='0s' dur='1s'>a</span></p>\
             <p dur='1s'>b</p></div>",
            &[("a", 0, 1), ("b", 1, 2)],
        ),
        // What holds others is over with the last of them, or when it is said.
        (
            "<div timeContainer='seq'><div><p begin='1s' end='5s'>a</p><p dur='2s'>b</p></div>\
             <div dur='1s'><p dur='9s'>c</p></div><p><span begin='1s' end='2s'>d</span> </p><p dur='1s'>e</p></div>",
            &[("b", 0, 2), ("a", 1, 5), ("c", 5, 6), ("d", 7, 8), ("e", 8, 9)],
        ),
        // Text without end lasts as long as it is let, but stands no time in a sequence itself.
        (
            "<div timeContainer='seq' end='5s'><p dur='1s'>a</p><p>b</p><p dur='1s'>c</p></div>",
            &[("a", 0, 1), ("b", 1, 5)],
        ),
        ("<div timeContainer='seq'><p>a</p><p dur='1s'>b</p></div>", &[]),
        (
            "<div><p begin='1s' timeContainer='seq'>no<br/><span dur='1s'>a</span><span dur='2s'>b</span></p></div>",
            &[("a", 1, 2), ("b", 2, 4)],
        ),
        (
            "<div><p end='9s'>x<span timeContainer='seq' begin='1s'><span dur='1s'>a</span><span>b</span></span></p></div>",
            &[("x", 0, 9), ("a", 1, 2), ("b", 2, 9)],
        ),
        // What cannot be read takes no time.
        (
            "<div timeContainer='seq'><p dur='1s'>a</p><p dur='x'>b</p><p dur='1s'>c</p></div>",
            &[("a", 0, 1), ("c", 1, 2)],
        ),
        (
            "<div timeContainer='par'><p dur='1s'>a</p><p dur='2s'>b</p></div>",
            &[("a", 0, 1), ("b", 0, 2)],
        ),
    ] {
        let document = parsed("", &format!("<body>{body}</body>"));
        let found: Vec<_> =
            cues(&document).iter().map(|cue| (cue.3, cue.0 / 1000, cue.1 / 1000)).collect();
        assert_eq!(found, expected, "{body}");
    }
    let document =
        parsed("", "<body timeContainer='seq'><div dur='1s'/><div><p dur='1s'>a</p></div></body>");
    assert_eq!(cues(&document), [(1000, 2000, "", "a")]);
}

#[test]
fn white_space_styles_and_lines_become_cue_text() {
    let document = parsed(
        "<styling><style xml:id='i' s:fontStyle='italic'/><style xml:id='y' style='i' s:color='#FFFF00'/></styling>",
        "<body style='i'><div><p begin='0s' end='1s'>\n  a <span s:fontStyle='normal'> &lt;b</span>\n\
         <br/><br/> --&gt; c <metadata>no</metadata><ttm:desc>no</ttm:desc></p>\
         <p begin='1s' end='2s' s:fontStyle='normal'>x <span style='y'>y</span></p>\
         <p begin='2s' end='3s'><br/></p></div></body>",
    );
    assert_eq!(
        cues(&document),
        [
            (0, 1000, "", "<i>a &lt;b\n&nbsp;\n--&gt; c </i>"),
            (1000, 2000, "", "x <c.yellow><i>y</i></c>")
        ]
    );
}

#[test]
fn regions_become_settings() {
    let region = |attributes: &str| {
        let head = format!("<layout><region xml:id='r' {attributes}/></layout>");
        let body = "<body><div region='r'><p begin='0s' end='1s'>x</p></div></body>";
        parsed(&head, body).cues()[0].settings.to_string()
    };
    for (attributes, settings) in [
        ("s:origin='10% 80%' s:extent='80% 15%' s:displayAlign='after'", ""),
        ("s:origin='10% 10%' s:extent='80% 15%'", "line:10%"),
        (
            "s:origin='0% 0%' s:extent='100% 50%' s:displayAlign='after' s:textAlign='start'",
            "line:50%,end position:0%,line-left size:100% align:start",
        ),
        (
            "s:origin='60% 40%' s:extent='30% 20%' s:displayAlign='center'",
            "line:50%,center position:75%,center size:30%",
        ),
        ("s:origin='10px 10px' s:extent='auto' s:textAlign='right'", "align:right"),
    ] {
        assert_eq!(region(attributes), settings, "{attributes}");
    }
}

#[test]
fn what_is_not_displayed_or_visible_is_no_text() {
    let document = parsed(
        "<styling><style xml:id='none' s:display='none'/><style xml:id='hidden' s:visibility='hidden'/></styling>\
         <layout><region xml:id='r' s:display='none'/></layout>",
        "<body><div style='hidden'><p begin='0s' end='1s'>no <span s:visibility='visible'>yes</span></p></div>\
         <div><p begin='1s' end='2s'><span s:display='none' s:fontStyle='italic'>no<br/></span>yes</p>\
         <p begin='2s' end='3s' style='none'>no <span s:display='auto' s:visibility='visible'>no</span></p>\
         <p begin='3s' end='4s' s:visibility='hidden'>no</p><p begin='4s' end='5s' region='r'>no</p>\
         <p begin='5s' end='9s' s:visibility='hidden'><span begin='0s' end='1s'>no</span>\
         <span begin='1s' end='2s' s:visibility='visible'>yes</span></p></div>\
         <div style='none'><p s:display='auto' begin='9s' end='10s'>no</p></div></body>",
    );
    assert_eq!(
        cues(&document),
        [(0, 1000, "", "yes"), (1000, 2000, "", "yes"), (6000, 7000, "", "yes")]
    );
    // Players of TTML are told the same as by the source.
    let paragraph = document.cues()[1].paragraph.as_ref().unwrap();
    assert!(paragraph.content.contains("<span tts:display=\"none\" tts:fontStyle=\"italic\">no"));
}

#[test]
fn lengths_in_pixels_and_cells_are_parts_of_the_picture() {
    let settings = |tt: &str, region: &str| {
        let text = format!(
            "<tt xmlns='http://www.w3.org/ns/ttml' xmlns:s='http://www.w3.org/ns/ttml#styling' \
             xmlns:p='http://www.w3.org/ns/ttml#parameter' {tt}><head>\
             <styling><style xml:id='placed' s:origin='10px 10px'/></styling>\
             <layout><region xml:id='r' {region}/></layout></head>\
             <body><div region='r'><p begin='0s' end='1s'>x</p></div></body></tt>"
        );
        parse(&text).unwrap().cues()[0].settings.to_string()
    };
    let hd = "s:extent='1920px 1080px'";
    for (tt, region, expected) in [
        (hd, "s:origin='192px 108px' s:extent='1536px 216px'", "line:10%"),
        ("p:cellResolution='50 30'", "s:origin='5c 3c' s:extent='40c 6c'", "line:10%"),
        ("", "s:origin='0c 3c' s:extent='32c 3c'", "line:20%"),
        (hd, "s:origin='10% 108px' s:extent='25.6c 6c'", "line:10%"),
        ("s:extent='100px 50px'", "style='placed' s:extent='80% 20%'", "line:20%"),
        // Of a picture without size, and of one that is none.
        ("", "style='placed' s:extent='80% 20%'", ""),
        ("s:extent='0px 1080px'", "style='placed' s:extent='80% 20%'", ""),
        ("s:extent='auto'", "style='placed' s:extent='80% 20%'", ""),
        ("p:cellResolution='0 x'", "s:origin='0c 3c' s:extent='32c 3c'", "line:20%"),
        (hd, "s:origin='1px' s:extent='1px 1px'", ""),
        (hd, "s:origin='1px 1px 1px' s:extent='1px 1px'", ""),
        (hd, "style='placed' s:origin='auto' s:extent='80% 20%'", ""),
    ] {
        assert_eq!(settings(tt, region), expected, "{tt} {region}");
    }
}

#[test]
fn styles_refer_to_each_other_in_any_order() {
    let text = |styles: &str| {
        let head = format!("<styling>{styles}</styling>");
        let document = parsed(&head, "<body style='a'><p begin='0s' end='1s'>x</p></body>");
        document.cues()[0].text.to_string()
    };
    for (styles, expected) in [
        ("<style xml:id='a' style='b'/><style xml:id='b' s:fontStyle='italic'/>", "<i>x</i>"),
        (
            "<style xml:id='a' style='a b'/><style xml:id='b' style='a' s:color='red'/>",
            "<c.red>x</c>",
        ),
        (
            "<style xml:id='a' style='b c'/><style xml:id='b' s:color='red'/><style xml:id='c' s:color='blue'/>",
            "<c.blue>x</c>",
        ),
    ] {
        assert_eq!(text(styles), expected, "{styles}");
    }
    // A long chain is no deep recursion, and many references are followed once.
    let chain = |n: usize| format!("<style xml:id='s{n}' style='s{}'/>", n + 1);
    let chain: String = (0..20_000).map(chain).collect();
    assert_eq!(
        text(&format!("<style xml:id='a' style='s0' s:color='red'/>{chain}")),
        "<c.red>x</c>"
    );
    let next = |n: usize| {
        let many = format!("s{} ", n + 1).repeat(20);
        format!("<style xml:id='s{n}' style='{many}'/>")
    };
    let tree: String = (0..40).map(next).collect();
    let tree = format!("<style xml:id='a' style='s0'/>{tree}<style xml:id='s40' s:color='red'/>");
    assert_eq!(text(&tree), "<c.red>x</c>");
}

#[test]
fn drafts_and_prefixes_are_read_and_other_documents_are_not() {
    let draft = "<t:tt xmlns:t='http://www.w3.org/2006/10/ttaf1' xmlns:p='http://www.w3.org/2006/10/ttaf1#parameter' \
        p:frameRate='10'><t:body><t:div><t:p begin='10f' end='20f'>x</t:p></t:div></t:body></t:tt>";
    assert_eq!(cues(&parse(draft).unwrap()), [(1000, 2000, "", "x")]);
    assert_eq!(parse("<smil/>"), Err(TextError::NotTtml));
    assert_eq!(parse("<tt xmlns='urn:other'/>"), Err(TextError::NotTtml));
    let declared = parse("<?xml version='1.0' encoding='ISO-8859-1'?><tt/>").unwrap_err();
    assert!(declared.to_string().contains("ISO-8859-1"), "{declared}");
    for broken in ["<tt", "<tt>", "<!DOCTYPE a [<!ENTITY b 'c'>]><tt>&b;</tt>"] {
        assert!(matches!(parse(broken), Err(TextError::Xml(_))), "{broken}");
    }
}

#[test]
fn a_segment_of_ttml_keeps_styles_and_divisions() {
    let document = parsed(
        "<metadata/><styling><style xml:id='a' s:color='red'/></styling>\
         <layout><region xml:id='r' s:origin='0% 0%'><style s:extent='50% 50%'/></region></layout>",
        "<body style='a'><div region='r'><p xml:id='p1' begin='0s' end='9s'>a <span s:color='lime'>&amp;</span></p></div>\
         <p begin='20s' end='21s'>later</p></body>",
    );
    let segment = write(&document.slice(20_000_000, 60_000_000, 0), Some("de"), 0).unwrap();
    let tree = roxmltree::Document::parse(&segment).unwrap();
    let one = |name: &str| {
        let mut found = tree.descendants().filter(|node| node.has_tag_name(name));
        let node = found.next().unwrap_or_else(|| panic!("no {name} in {segment}"));
        assert!(found.next().is_none(), "{segment}");
        node
    };
    assert_eq!(one("body").attribute("style"), Some("a"));
    assert_eq!(one("div").attribute("region"), Some("r"));
    let p = one("p");
    assert_eq!(
        (p.attribute("begin"), p.attribute("end")),
        (Some("00:00:02.000"), Some("00:00:06.000"))
    );
    assert_eq!(names::style(one("span"), "color"), Some("lime"));
    assert!(
        segment
            .contains("<region xml:id=\"r\" tts:origin=\"0% 0%\"><style tts:extent=\"50% 50%\">")
    );
    // What is written is read again.
    let again = parse(&segment).unwrap();
    assert_eq!(
        cues(&again),
        [(2000, 6000, "line:0% position:25%,center size:50%", "<c.red>a <c.lime>&amp;</c></c>")]
    );
}

#[test]
fn cues_of_webvtt_get_regions_by_their_settings() {
    let text = "WEBVTT\n\n00:00.000 --> 00:01.000\na\n\n00:00.000 --> 00:01.000 line:10% align:start\n<i>b</i>\n\n\
        00:00.500 --> 00:01.000\nc\n";
    let document = crate::text::webvtt::parse(text).unwrap();
    let segment = write(&document.slice(0, 20_000_000, 0), None, 0).unwrap();
    let tree = roxmltree::Document::parse(&segment).unwrap();
    let regions: Vec<_> = tree.descendants().filter(|n| n.has_tag_name("region")).collect();
    let origin: Vec<_> = regions.iter().map(|n| names::style(*n, "origin").unwrap()).collect();
    assert_eq!(origin, ["5% 5%", "5% 10%"]);
    let used: Vec<_> = tree
        .descendants()
        .filter(|n| n.has_tag_name("p"))
        .map(|p| p.attribute("region").unwrap())
        .collect();
    assert_eq!(used, ["r0", "r1", "r0"]);
    let again = parse(&segment).unwrap();
    assert_eq!(&*again.cues()[1].settings, "line:10% position:5%,line-left size:90% align:start");
}

#[test]
fn settings_place_regions_inside_the_picture() {
    for settings in [
        "",
        "line:-1",
        "line:0",
        "line:99",
        "line:-99",
        "line:100%",
        "line:50%,center",
        "line:80%,end",
        "position:0%",
        "position:100% align:start size:100%",
        "position:30%,line-right size:50%",
        "size:10%",
        "size:500% position:1000%,line-right",
        "size:NaN% position:NaN%",
        "line:NaN% position:-5%,line-left",
        "line:1e300%,center size:inf%",
    ] {
        let region = place::region(settings);
        let numbers: Vec<f64> = region
            .split(['"', ' '])
            .filter_map(|word| word.strip_suffix('%')?.parse().ok())
            .collect();
        let [x, y, width, height] = numbers.as_slice() else { panic!("{region}") };
        assert!(*x >= 0.0 && *y >= 0.0 && *width > 0.0 && *height > 0.0, "{settings}: {region}");
        assert!(x + width <= 100.01 && y + height <= 100.01, "{settings}: {region}");
    }
}

#[test]
fn values_of_settings_are_escaped() {
    let region = format!("<a xmlns:tts='urn:x'{}/>", place::region("align:\"/><x"));
    let region = region.replace(" tts:", " ");
    let tree = roxmltree::Document::parse(&region).unwrap();
    assert_eq!(tree.root_element().attribute("textAlign"), Some("\"/><x"));
}

#[test]
fn long_attributes_are_left_out_and_those_of_an_element_are_kept_once() {
    let long = "x".repeat(2000);
    let text = format!(
        "<tt xmlns='http://www.w3.org/ns/ttml' xmlns:s='http://www.w3.org/ns/ttml#styling' \
         s:extent='{long}'><body s:opacity='{long}'><div s:opacity='{long}'>\
         <p s:opacity='{long}' s:color='red'><span begin='0s' end='1s' s:opacity='{long}'>a</span>\
         <span begin='1s' end='2s'>b</span></p></div></body></tt>"
    );
    let document = parse(&text).unwrap();
    let paragraphs: Vec<_> =
        document.cues().iter().map(|c| c.paragraph.as_ref().unwrap()).collect();
    assert_eq!(&*paragraphs[0].attributes, " tts:color=\"red\"");
    assert!(Arc::ptr_eq(&paragraphs[0].attributes, &paragraphs[1].attributes));
    let segment = write(&document.slice(0, 20_000_000, 0), None, 0).unwrap();
    assert!(!segment.contains("xx"), "{segment}");
    // Many short ones are as long as one.
    let many: String = (0..60).map(|n| format!("ebutts:a{n}='{}' ", "x".repeat(100))).collect();
    let text = format!(
        "<tt xmlns='http://www.w3.org/ns/ttml' xmlns:ebutts='urn:ebu:tt:style'><body><div>\
         <p begin='0s' end='1s' {many}>a</p></div></body></tt>"
    );
    let document = parse(&text).unwrap();
    let attributes = &document.cues()[0].paragraph.as_ref().unwrap().attributes;
    assert!((900..=1024).contains(&attributes.len()), "{}", attributes.len());
}

#[test]
fn a_segment_that_repeats_too_much_is_refused() {
    let spans: String =
        (0..18_000).map(|n| format!("<span begin='{n}ms' dur='1ms'>a</span>")).collect();
    let colour = "x".repeat(1000);
    let document =
        parsed("", &format!("<body><div><p s:color='{colour}'>{spans}</p></div></body>"));
    assert_eq!(document.cues().len(), 18_000);
    let refused = write(&document.slice(0, 200_000_000, 0), None, 0);
    assert_eq!(refused, Err(TextError::SegmentTooLarge));
}

#[test]
fn times_count_from_the_zero_that_is_asked_for() {
    let document = parsed("", "<body><div><p begin='5s' end='9s'>a</p></div></body>");
    let segment = write(&document.slice(60_000_000, 120_000_000, 0), None, 60_000_000).unwrap();
    assert!(segment.contains("<p begin=\"00:00:00.000\" end=\"00:00:03.000\">a</p>"), "{segment}");
}

#[test]
fn times_behind_every_range_are_left_out() {
    let frames = "9".repeat(24);
    let text = format!("<body><p begin='9999999:59:59:{frames}' end='{frames}h'>a</p></body>");
    assert!(parsed("", &text).cues().is_empty());
}
