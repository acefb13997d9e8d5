//! The query `cfg=(...)` of Microsoft's test server, by which a tester picks the licence (playready.md
//! section 9). It lets the caller pick the policy, so only a development server looks at it.
//!
//! Groups in brackets, each a licence; in a group `name:value` with commas between. Values may be
//! groups. Names are read in any case; those that are not known are refused by name.

mod parse;
mod seed;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use data_encoding::BASE64;

pub use seed::content_key;

use self::parse::{Item, Value, groups};
use super::error::StatusCode;
use super::service::clipped;
use super::xmr::{Cipher, LOWEST_LEVELS, Protection, Terms, output};
use crate::crypto::key::ContentKey;
use crate::drm::playready::{from_guid_order, guid_order};
use crate::ids::KeyId;

/// Licences of one configuration; a header names no more keys.
const MAX_LICENCES: usize = 64;

/// The configuration does not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TestConfigError {
    /// Brackets and colons are not as they should be.
    #[error("cfg: groups of name:value in brackets are expected")]
    Syntax,
    /// There is no such name.
    #[error("cfg: {0} is not known here")]
    Name(String),
    /// The value is none for the name.
    #[error("cfg: the value of {0} does not read")]
    Value(String),
}

/// What a tester wants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TestConfig {
    /// The licences.
    pub licences: Vec<TestLicence>,
    /// A refusal with this code instead of them.
    pub error: Option<StatusCode>,
    /// Name of the transaction by which the client acknowledges.
    pub transaction: Option<[u8; 16]>,
    /// The response tells what is known of the client.
    pub client_info: bool,
}

/// A licence that a tester wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestLicence {
    /// Its key; `None` for the keys of the header.
    pub kid: Option<KeyId>,
    /// Where the key comes from.
    pub key: TestKey,
    /// How the key is used, when the header does not say.
    pub cipher: Option<Cipher>,
    /// What it allows.
    pub terms: Terms,
}

/// Where the key of a test licence comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TestKey {
    /// The service's own, as its policy allows.
    #[default]
    Own,
    /// The tester gives it.
    Given(ContentKey),
    /// It is made of a seed of the tester's.
    Seed(Vec<u8>),
}

impl TestConfig {
    /// Reads the value of `cfg`.
    ///
    /// # Errors
    /// [`TestConfigError`], with the name that is wrong.
    pub fn parse(text: &str) -> Result<Self, TestConfigError> {
        let groups = groups(text).ok_or(TestConfigError::Syntax)?;
        if !(1..=MAX_LICENCES).contains(&groups.len()) {
            return Err(TestConfigError::Syntax);
        }
        let mut config = Self::default();
        for group in groups {
            let mut licence =
                TestLicence { kid: None, key: TestKey::Own, cipher: None, terms: Terms::default() };
            for item in &group {
                let name = item.name.ok_or(TestConfigError::Syntax)?.to_ascii_lowercase();
                let row = TABLE.iter().find(|(known, _)| *known == name);
                let (_, set) = row.ok_or_else(|| TestConfigError::Name(name.clone()))?;
                set(&mut config, &mut licence, item).ok_or(TestConfigError::Value(name))?;
            }
            config.licences.push(licence);
        }
        Ok(config)
    }
}

type Set = fn(&mut TestConfig, &mut TestLicence, &Item<'_>) -> Option<()>;

/// Every name, and what it sets.
const TABLE: &[(&str, Set)] = &[
    ("kid", |_, licence, item| set_with(item, kid, &mut licence.kid)),
    ("contentkey", |_, licence, item| set_with(item, given_key, &mut licence.key)),
    ("keyseed", |_, licence, item| set_with(item, key_seed, &mut licence.key)),
    ("ckt", |_, licence, item| set_with(item, |text| cipher(text).map(Some), &mut licence.cipher)),
    ("sl", |_, licence, item| set_with(item, level, &mut licence.terms.security_level)),
    ("persist", |_, licence, item| set_with(item, flag, &mut licence.terms.persistent)),
    ("playright", |_, licence, item| set_with(item, flag, &mut licence.terms.play)),
    ("begindate", |_, licence, item| set_with(item, date, &mut licence.terms.begin)),
    ("enddate", |_, licence, item| set_with(item, date, &mut licence.terms.end)),
    ("expiration", |_, licence, item| set_with(item, date, &mut licence.terms.end)),
    ("firstexp", |_, licence, item| {
        set_with(item, number, &mut licence.terms.first_play_expiration)
    }),
    ("realtime", |_, licence, item| set_with(item, flag, &mut licence.terms.real_time_expiration)),
    ("removaldate", |_, licence, item| set_with(item, date, &mut licence.terms.removal_date)),
    ("sourceid", |_, licence, item| set_with(item, number, &mut licence.terms.source_id)),
    ("cvopl", |_, licence, item| output_level(licence, 0, item)),
    ("ucvopl", |_, licence, item| output_level(licence, 1, item)),
    ("avopl", |_, licence, item| output_level(licence, 2, item)),
    ("caopl", |_, licence, item| output_level(licence, 3, item)),
    ("ucaopl", |_, licence, item| output_level(licence, 4, item)),
    ("dvop", |_, licence, item| add(item, &mut licence.terms.digital_video)),
    ("daop", |_, licence, item| add(item, &mut licence.terms.digital_audio)),
    ("avop", |_, licence, item| add(item, &mut licence.terms.analog_video)),
    ("playenablers", |_, licence, item| enablers(licence, item)),
    ("maxres", |_, licence, item| largest(licence, item)),
    ("allowunknownsd", |_, licence, item| {
        unknown(licence, item, output::UNKNOWN_OUTPUT_CONSTRAINED)
    }),
    ("allowunknownhd", |_, licence, item| unknown(licence, item, output::UNKNOWN_OUTPUT)),
    ("tid", |config, _, item| set_with(item, |text| guid(text).map(Some), &mut config.transaction)),
    ("errorcode", |config, _, item| set_with(item, |text| code(text).map(Some), &mut config.error)),
    ("msg", |config, _, item| {
        set_with(item, |text| (text == "clientinfo").then_some(true), &mut config.client_info)
    }),
    ("revoked", |config, _, item| {
        let revoked = flag(item.text()?)?;
        config.error = revoked.then_some(StatusCode::DEVICE_REVOKED).or(config.error);
        Some(())
    }),
];

fn set_with<T>(item: &Item<'_>, read: fn(&str) -> Option<T>, place: &mut T) -> Option<()> {
    *place = read(item.text()?)?;
    Some(())
}

fn kid(text: &str) -> Option<Option<KeyId>> {
    if text.eq_ignore_ascii_case("header") {
        return Some(None);
    }
    let in_base64 = || BASE64.decode(text.as_bytes()).ok()?.try_into().ok().map(from_guid_order);
    text.parse().ok().or_else(in_base64).map(Some)
}

fn given_key(text: &str) -> Option<TestKey> {
    let bytes = BASE64.decode(text.as_bytes()).ok()?.try_into().ok()?;
    Some(TestKey::Given(ContentKey::from_bytes(bytes)))
}

fn key_seed(text: &str) -> Option<TestKey> {
    let seed = BASE64.decode(text.as_bytes()).ok()?;
    (seed.len() >= seed::USED).then_some(TestKey::Seed(seed))
}

fn cipher(text: &str) -> Option<Cipher> {
    match text.to_ascii_lowercase().as_str() {
        "aes128bitctr" => Some(Cipher::AesCtr),
        "aes128bitcbc" => Some(Cipher::AesCbc),
        _ => None,
    }
}

fn level(text: &str) -> Option<u16> {
    let level = text.parse().ok()?;
    [150, 2000, 3000].contains(&level).then_some(level)
}

fn flag(text: &str) -> Option<bool> {
    text.to_ascii_lowercase().parse().ok()
}

fn number(text: &str) -> Option<Option<u32>> {
    text.parse().ok().map(Some)
}

/// `yyyymmdd` or `yyyymmddhhmmss`, GMT.
fn date(text: &str) -> Option<Option<u32>> {
    let full = if text.len() == 8 { format!("{text}000000") } else { text.to_owned() };
    let time = DateTime::strptime("%Y%m%d%H%M%S", full).ok()?;
    Some(Some(clipped(time.to_zoned(TimeZone::UTC).ok()?.timestamp())))
}

fn guid(text: &str) -> Option<[u8; 16]> {
    let bare = text.trim_start_matches('{').trim_end_matches('}');
    bare.parse::<KeyId>().ok().map(guid_order)
}

fn code(text: &str) -> Option<StatusCode> {
    let digits = text.to_ascii_lowercase();
    u32::from_str_radix(digits.strip_prefix("0x")?, 16).ok().map(StatusCode)
}

fn output_level(licence: &mut TestLicence, place: usize, item: &Item<'_>) -> Option<()> {
    let level = item.text()?.parse().ok()?;
    licence.terms.output_levels.get_or_insert(LOWEST_LEVELS)[place] = level;
    Some(())
}

/// `(guid:...,data:base64)`.
fn add(item: &Item<'_>, list: &mut Vec<Protection>) -> Option<()> {
    let Value::Group(members) = &item.value else { return None };
    let named = |wanted: &str| {
        let member = members.iter().find(|member| member.name == Some(wanted))?;
        member.text()
    };
    let data =
        named("data").map_or(Some(Vec::new()), |text| BASE64.decode(text.as_bytes()).ok())?;
    list.push(Protection { id: guid(named("guid")?)?, data });
    Some(())
}

fn enablers(licence: &mut TestLicence, item: &Item<'_>) -> Option<()> {
    let Value::Group(members) = &item.value else { return None };
    let ids: Option<Vec<_>> = members.iter().map(|member| guid(member.text()?)).collect();
    licence.terms.play_enablers.extend(ids?);
    Some(())
}

/// `WxH`.
fn largest(licence: &mut TestLicence, item: &Item<'_>) -> Option<()> {
    let (width, height) = item.text()?.split_once('x')?;
    let (width, height): (u32, u32) = (width.parse().ok()?, height.parse().ok()?);
    let data = [height.to_be_bytes(), width.to_be_bytes()].concat();
    licence.terms.digital_video.push(Protection::new(output::MAXIMUM_DECODE_SIZE, data)?);
    Some(())
}

fn unknown(licence: &mut TestLicence, item: &Item<'_>, id: &str) -> Option<()> {
    if flag(item.text()?)? {
        licence.terms.play_enablers.push(guid(id)?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_configuration_becomes_licences() {
        let text = "(kid:header,sl:2000,persist:true,firstexp:60,expiration:20300102030405,\
                    begindate:20290102,ucvopl:300,\
                    dvop:(guid:{ABB2C6F1-E663-4625-A945-972D17B231E7},data:AAAAAQ==),\
                    playenablers:(786627D8-C2A6-44BE-8F88-08AE255B01A7),maxres:1280x720)\
                    (kid:AwIBAAUEBwYICQoLDA0ODw==,contentkey:AAAAAAAAAAAAAAAAAAAAAA==,\
                    ckt:aes128bitcbc,playright:false,tid:00010203-0405-0607-0809-0a0b0c0d0e0f)";
        let config = TestConfig::parse(text).unwrap();
        let [first, second] = config.licences.as_slice() else { panic!("two licences") };
        let terms = &first.terms;
        assert_eq!((first.kid, &first.key, terms.security_level), (None, &TestKey::Own, 2000));
        assert_eq!((terms.persistent, terms.first_play_expiration), (true, Some(60)));
        assert_eq!((terms.begin, terms.end), (Some(1_862_006_400), Some(1_893_553_445)));
        assert_eq!(terms.output_levels, Some([400, 300, 100, 100, 100]));
        assert_eq!(terms.digital_video[0], Protection::level(output::HDCP_TYPE_1, 1).unwrap());
        assert_eq!(terms.digital_video[1].data, [0, 0, 2, 0xd0, 0, 0, 5, 0]);
        assert_eq!(terms.play_enablers, [guid(output::UNKNOWN_OUTPUT).unwrap()]);
        let kid = "00010203-0405-0607-0809-0a0b0c0d0e0f".parse().unwrap();
        assert_eq!((second.kid, second.cipher), (Some(kid), Some(Cipher::AesCbc)));
        assert_eq!(second.key, TestKey::Given(ContentKey::from_bytes([0; 16])));
        assert!(!second.terms.play && config.transaction.is_some());
    }

    #[test]
    fn faults_can_be_asked_for() {
        let error = |text| TestConfig::parse(text).unwrap().error;
        assert_eq!(error("(errorcode:0x8004c065)"), Some(StatusCode::DEVICE_REVOKED));
        assert_eq!(error("(revoked:true)"), Some(StatusCode::DEVICE_REVOKED));
        assert_eq!(error("(sl:150)"), None);
    }

    #[test]
    fn refusals_name_the_name() {
        for (text, error) in [
            ("", TestConfigError::Syntax),
            ("sl:150", TestConfigError::Syntax),
            ("(sl:150", TestConfigError::Syntax),
            ("(150)", TestConfigError::Syntax),
            ("(a:(b:(c:(d:1))))", TestConfigError::Syntax),
            ("(sl:151)", TestConfigError::Value("sl".into())),
            ("(enddate:2030)", TestConfigError::Value("enddate".into())),
            ("(kid:x)", TestConfigError::Value("kid".into())),
            ("(dvop:x)", TestConfigError::Value("dvop".into())),
            ("(keyseed:AAAA)", TestConfigError::Value("keyseed".into())),
            ("(surprise:1)", TestConfigError::Name("surprise".into())),
        ] {
            assert_eq!(TestConfig::parse(text), Err(error), "{text}");
        }
        assert_eq!(TestConfig::parse(&"(sl:150)".repeat(65)), Err(TestConfigError::Syntax));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[(),:a-z0-9{}=]{0,80}") {
            let _ = TestConfig::parse(&text);
            let _ = TestConfig::parse(&format!("(sl:150,{text})"));
        }
    }
}
