//! Flags of shaka-packager that are refused by name, with what to do instead.

use std::sync::LazyLock;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, Error, FromArgMatches};

const LIVE: &str = "inputs are files, so nothing is live";
const RAW_KEYS: &str = "keys are given by --keys";
const PATTERN: &str = "the pattern is 1:9, that of the standard";
const ALWAYS: &str = "it is always so";
const CLASSES: &str = "name keys by drm_label= where the usual bounds do not fit";

/// Name and reason.
const FLAGS: &[(&str, &str)] = &[
    ("enable_widevine_encryption", RAW_KEYS),
    ("enable_playready_encryption", RAW_KEYS),
    ("enable_entitlement_license", RAW_KEYS),
    ("key_server_url", RAW_KEYS),
    ("content_id", RAW_KEYS),
    ("policy", RAW_KEYS),
    ("group_id", RAW_KEYS),
    ("signer", RAW_KEYS),
    ("aes_signing_key", RAW_KEYS),
    ("aes_signing_iv", RAW_KEYS),
    ("rsa_signing_key_path", RAW_KEYS),
    ("playready_server_url", RAW_KEYS),
    ("program_identifier", RAW_KEYS),
    ("enable_raw_key_decryption", "portcullis decrypt does that"),
    ("enable_widevine_decryption", "portcullis decrypt does that"),
    ("max_sd_pixels", CLASSES),
    ("max_hd_pixels", CLASSES),
    ("max_uhd1_pixels", CLASSES),
    ("crypt_byte_block", PATTERN),
    ("skip_byte_block", PATTERN),
    ("vp9_subsample_encryption", ALWAYS),
    ("playready_extra_header_data", "give the whole box by --pssh"),
    ("include_mspr_pro_for_playready", ALWAYS),
    ("create_session_keys", ALWAYS),
    ("mp4_include_pssh_in_stream", "boxes stand in the init segment"),
    ("mp4_use_decoding_timestamp_in_timeline", "times are those of presentation"),
    ("mp4_reset_initial_composition_offset_to_zero", ALWAYS),
    ("generate_sidx_in_media_segments", "only whole files have an index"),
    ("transport_stream_timestamp_offset_ms", "it is ten seconds"),
    ("segment_sap_aligned", ALWAYS),
    ("fragment_sap_aligned", ALWAYS),
    ("strip_parameter_set_nalus", "samples stay as they are"),
    ("use_dovi_supplemental_codecs", ALWAYS),
    ("min_buffer_time", "it follows from the segments"),
    ("default_text_language", "text is shown unasked where forced_subtitle=1 stands"),
    ("generate_dash_if_iop_compliant_mpd", ALWAYS),
    ("allow_approximate_segment_timeline", "times are exact"),
    ("allow_codec_switching", "sets of other codecs are listed apart"),
    ("dash_label", "names stand in playlists (hls_name=) only"),
    ("add_program_date_time", LIVE),
    ("hls_media_sequence_number", LIVE),
    ("hls_start_time_offset", LIVE),
    ("time_shift_buffer_depth", LIVE),
    ("preserved_segments_outside_live_window", LIVE),
    ("minimum_update_period", LIVE),
    ("suggested_presentation_delay", LIVE),
    ("utc_timings", LIVE),
    ("low_latency_dash_mode", LIVE),
    ("force_cl_index", LIVE),
    ("ad_cues", "the timeline has no cues"),
    ("dump_stream_info", "portcullis inspect does that"),
    ("temp_dir", "files are begun beside their places"),
    ("io_block_size", "nothing depends on it"),
    ("io_cache_size", "nothing depends on it"),
    ("user_agent", "nothing is read over HTTP but from object stores"),
];

/// The names with dashes, as they may be spelled too.
static DASHED: LazyLock<Vec<String>> =
    LazyLock::new(|| FLAGS.iter().map(|(name, _)| name.replace('_', "-")).collect());

/// The flags as arguments that always fail.
#[derive(Debug)]
pub(super) struct Unsupported;

impl FromArgMatches for Unsupported {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given =
            |name: &str| matches.value_source(name) == Some(clap::parser::ValueSource::CommandLine);
        match FLAGS.iter().find(|(name, _)| given(name)) {
            None => Ok(Self),
            Some((name, instead)) => {
                let text = format!("--{name} is not supported: {instead}\n");
                Err(Error::raw(ErrorKind::UnknownArgument, text))
            }
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        Self::from_arg_matches(matches).map(|_| ())
    }
}

impl clap::Args for Unsupported {
    fn augment_args(command: Command) -> Command {
        FLAGS.iter().zip(&*DASHED).fold(command, |command, ((name, _), dashed)| {
            let flag = Arg::new(*name).long(*name).alias(dashed.as_str()).hide(true);
            command.arg(flag.num_args(0..=1).action(ArgAction::Set))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// The names, for the help.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FLAGS.iter().map(|(name, _)| *name)
}
