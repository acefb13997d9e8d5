//! What descriptors say of a codec: speakers, Atmos, dynamic range.

use std::io;

use crate::codec::captions::Captions;
use crate::codec::{Codec, Colour, VideoRange};
use crate::media::Track;
use crate::package::xml::Xml;

const CEA_608: &str = "urn:scte:dash:cc:cea-608:2015";
const CEA_708: &str = "urn:scte:dash:cc:cea-708:2015";

/// Number of channels of AAC, as all players read it (packaging.md section 8.5).
const MPEG_CHANNELS: &str = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011";
/// A custom channel map of ETSI TS 102 366 table E.1.4 in hexadecimal.
const DOLBY_CHANNELS: &str = "tag:dolby.com,2014:dash:audio_channel_configuration:2011";
/// Number of channels of DTS.
const DTS_CHANNELS: &str = "tag:dts.com,2014:dash:audio_channel_configuration:2012";
/// ChannelMask of DTS-UHD in hexadecimal.
const DTS_UHD_CHANNELS: &str = "tag:dts.com,2018:uhd:audio_channel_configuration";
/// ChannelConfiguration of ISO/IEC 23091-3.
const CICP_CHANNELS: &str = "urn:mpeg:mpegB:cicp:ChannelConfiguration";

/// ChannelConfiguration by number of channels, in the order in which Opus and FLAC have them:
/// mono, stereo, 3.0, quadraphonic by front and rear pairs has none of the low numbers, 5.0, 5.1,
/// 6.1, 7.1.
const CICP_BY_COUNT: [Option<u8>; 9] =
    [None, Some(1), Some(2), Some(3), None, Some(5), Some(6), Some(11), Some(12)];

/// Accessibility for captions inside the pictures (DASH-IF IOP 4.3 section 6.4.3.3; ANSI/SCTE
/// 214-1). Their language is not known.
pub(super) fn captions(xml: &mut Xml, captions: Captions) -> io::Result<()> {
    let channels = [(captions.field_1, "CC1=und"), (captions.field_2, "CC3=und")];
    let there = channels.iter().filter(|(there, _)| *there);
    let analogue = there.map(|(_, channel)| *channel).collect::<Vec<_>>().join(";");
    let digital = if captions.digital { "1=lang:und" } else { "" };
    let services = [(CEA_608, analogue.as_str()), (CEA_708, digital)];
    services.iter().filter(|(_, value)| !value.is_empty()).try_for_each(|(scheme, value)| {
        xml.empty("Accessibility", &[("schemeIdUri", scheme), ("value", value)])
    })
}

/// AudioChannelConfiguration; nothing for pictures and where only the stream tells.
pub(super) fn channels(xml: &mut Xml, track: &Track) -> io::Result<()> {
    let Some((scheme, value)) = channel_configuration(&track.codec) else { return Ok(()) };
    let attributes = [("schemeIdUri", scheme), ("value", value.as_str())];
    xml.empty("AudioChannelConfiguration", &attributes)
}

fn channel_configuration(codec: &Codec) -> Option<(&'static str, String)> {
    let count = codec.sound()?.channels;
    Some(match codec {
        Codec::Ac3(config) => (DOLBY_CHANNELS, format!("{:04X}", config.speakers)),
        Codec::Eac3(config) => (DOLBY_CHANNELS, format!("{:04X}", config.speakers)),
        Codec::Dts(config) => match config.channel_mask {
            Some(mask) => (DTS_UHD_CHANNELS, format!("{mask:08X}")),
            None => (DTS_CHANNELS, count.to_string()),
        },
        Codec::Opus(_) | Codec::Flac(_) => {
            let known = CICP_BY_COUNT.get(usize::from(count)).copied().flatten()?;
            (CICP_CHANNELS, known.to_string())
        }
        _ if count > 0 => (MPEG_CHANNELS, count.to_string()),
        _ => return None,
    })
}

/// Essential and supplemental properties, in the order of the schema.
pub(super) fn properties(xml: &mut Xml, track: &Track) -> io::Result<()> {
    colour(xml, track)?;
    atmos(xml, track)
}

/// Colour where it is not SDR. A display without PQ shows it grey, so such a player shall pass the
/// set over; HLG looks right on any (DASH-IF IOP part 11).
fn colour(xml: &mut Xml, track: &Track) -> io::Result<()> {
    let name = match track.picture.range() {
        VideoRange::Sdr => return Ok(()),
        VideoRange::Pq => "EssentialProperty",
        VideoRange::Hlg => "SupplementalProperty",
    };
    let Some(Colour { primaries, transfer, matrix, .. }) = track.picture.colour else {
        return Ok(());
    };
    for (code, value) in [
        ("ColourPrimaries", primaries),
        ("TransferCharacteristics", transfer),
        ("MatrixCoefficients", matrix),
    ] {
        let scheme = format!("urn:mpeg:mpegB:cicp:{code}");
        xml.empty(name, &[("schemeIdUri", &scheme), ("value", &value.to_string())])?;
    }
    Ok(())
}

/// Atmos: a decoder without it plays the channels (ETSI TS 103 420 annex D).
fn atmos(xml: &mut Xml, track: &Track) -> io::Result<()> {
    let Codec::Eac3(config) = &track.codec else { return Ok(()) };
    let Some(objects) = config.objects else { return Ok(()) };
    for (scheme, value) in [
        ("tag:dolby.com,2018:dash:EC3_ExtensionType:2018", "JOC"),
        ("tag:dolby.com,2018:dash:EC3_ExtensionComplexityIndex:2018", &objects.to_string()),
    ] {
        xml.empty("SupplementalProperty", &[("schemeIdUri", scheme), ("value", value)])?;
    }
    Ok(())
}
