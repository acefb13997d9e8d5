//! Attacks on tokens, and the rules that tokens keep, as tables (ams.md section 9).

use data_encoding::BASE64URL_NOPAD;
use portcullis::ids::KeyId;
use portcullis::policy::content_key::KEY_IDENTIFIER_CLAIM;
use portcullis::policy::{Secret, TokenRestriction, VerificationKey};
use portcullis::token::{At, Bearer, Question, SigningKey, TokenError, TokenSpec, make, verify};
use proptest::prelude::*;
use ring::rsa::PublicKeyComponents;
use ring::signature::RsaKeyPair;
use ring::{hmac, rand, signature};
use serde_json::{Value, json};

use crate::support::keys::{
    AUDIENCE, ISSUER, NOW, RSA_PEM, SECRET, SKEW, at, required, restriction, sign, spec,
};

const KID: &str = "9eb4050d-e44b-4802-932e-27d75083e266";

fn check(token: &str, restriction: &TokenRestriction) -> Result<(), TokenError> {
    let kid = Some(KID.parse().unwrap());
    let at = At { now: at(NOW), skew: SKEW };
    verify(&Bearer::new(token), &Question { restriction, kid, label: None, at })
}

fn good_claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 60})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = good_claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = good_claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn part(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

/// Any header over any claims, with the HMAC of any secret.
fn forge(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", BASE64URL_NOPAD.encode(tag.as_ref()))
}

fn hs256(claims: &Value) -> String {
    forge(&json!({"alg": "HS256", "typ": "JWT"}), claims, SECRET)
}

fn rsa_pair() -> RsaKeyPair {
    let body: String = RSA_PEM.lines().filter(|line| !line.starts_with('-')).collect();
    RsaKeyPair::from_der(&data_encoding::BASE64.decode(body.as_bytes()).unwrap()).unwrap()
}

fn rsa_restriction() -> TokenRestriction {
    let public = PublicKeyComponents::<Vec<u8>>::from(rsa_pair().public());
    TokenRestriction {
        primary_verification_key: VerificationKey::Rsa {
            exponent: Secret::from_bytes(public.e),
            modulus: Secret::from_bytes(public.n),
        },
        ..restriction()
    }
}

fn rsa_sign(algorithm: &'static dyn signature::RsaEncoding, alg: &str) -> String {
    let message = format!("{}.{}", part(&json!({"alg": alg})), part(&good_claims()));
    let pair = rsa_pair();
    let mut signed = vec![0; pair.public().modulus_len()];
    let random = rand::SystemRandom::new();
    pair.sign(algorithm, &random, message.as_bytes(), &mut signed).unwrap();
    format!("{message}.{}", BASE64URL_NOPAD.encode(&signed))
}

#[test]
fn good_tokens_are_accepted() {
    assert_eq!(check(&hs256(&good_claims()), &restriction()), Ok(()));
    assert_eq!(check(&sign(&spec()), &restriction()), Ok(()));
    let rs256 = make(&spec(), &SigningKey::RsaPem(Secret::from_bytes(RSA_PEM.into()))).unwrap();
    assert_eq!(check(&rs256, &rsa_restriction()), Ok(()));
    let foreign = rsa_sign(&signature::RSA_PKCS1_SHA256, "RS256");
    assert_eq!(check(&foreign, &rsa_restriction()), Ok(()));
}

#[test]
fn the_policy_decides_the_algorithm() {
    let claims = good_claims();
    let none = |alg: &str| format!("{}.{}.", part(&json!({"alg": alg})), part(&claims));
    let header = |alg: &str| json!({"alg": alg});
    let VerificationKey::Rsa { modulus, .. } = rsa_restriction().primary_verification_key else {
        panic!("the restriction is of an RSA key");
    };
    let refused = TokenError::AlgorithmNotAllowed;
    let (hmac, rsa) = (restriction(), rsa_restriction());
    let table = [
        ("none", none("none"), &hmac),
        ("none, other case", none("nOnE"), &hmac),
        ("none with a tag", forge(&header("none"), &claims, SECRET), &hmac),
        ("no known name", forge(&header("HS999"), &claims, SECRET), &hmac),
        ("HS256 under the RSA modulus", forge(&header("HS256"), &claims, modulus.expose()), &rsa),
        ("HS256 under the PEM", forge(&header("HS256"), &claims, RSA_PEM.as_bytes()), &rsa),
        ("RS256 for a symmetric policy", rsa_sign(&signature::RSA_PKCS1_SHA256, "RS256"), &hmac),
        ("RS512", rsa_sign(&signature::RSA_PKCS1_SHA512, "RS512"), &rsa),
        ("HS512", forge(&header("HS512"), &claims, SECRET), &hmac),
        ("name in lower case", forge(&header("hs256"), &claims, SECRET), &hmac),
    ];
    for (attack, token, restriction) in table {
        assert_eq!(check(&token, restriction), Err(refused.clone()), "{attack}");
    }
}

#[test]
fn signatures_that_do_not_verify_are_refused() {
    let good = hs256(&good_claims());
    let (message, tag) = good.rsplit_once('.').unwrap();
    let other_claims = part(&with("exp", json!(NOW + 999_999)));
    let header = message.split_once('.').unwrap().0;
    let hmac_only = forge(&json!({"alg": "HS256"}), &good_claims(), b"another secret");
    let (hmac, rsa) = (restriction(), rsa_restriction());
    let table = [
        ("other secret", hmac_only, &hmac),
        ("other claims", format!("{header}.{other_claims}.{tag}"), &hmac),
        ("empty signature", format!("{message}."), &hmac),
        ("shorter signature", format!("{message}.{}", &tag[..40]), &hmac),
        ("RS256 with a SHA-512 digest", rsa_sign(&signature::RSA_PKCS1_SHA512, "RS256"), &rsa),
        ("RS256 with PSS", rsa_sign(&signature::RSA_PSS_SHA256, "RS256"), &rsa),
    ];
    for (attack, token, restriction) in table {
        assert_eq!(check(&token, restriction), Err(TokenError::SignatureInvalid), "{attack}");
    }
}

#[test]
fn critical_extensions_are_refused() {
    for crit in [json!(["b64"]), json!([]), json!("x"), Value::Null] {
        let header = json!({"alg": "HS256", "crit": crit, "b64": false});
        let token = forge(&header, &good_claims(), SECRET);
        assert_eq!(check(&token, &restriction()), Err(TokenError::CriticalHeader), "{header}");
    }
}

#[test]
fn what_is_no_token_is_malformed_or_too_long() {
    let good = hs256(&good_claims());
    let header = part(&json!({"alg": "HS256"}));
    let texts = [
        "x".to_owned(),
        "..".into(),
        "a.b".into(),
        good[..good.rfind('.').unwrap()].into(),
        format!("{good}.x"),
        format!("{good}="),
        good.replace('.', "%2E"),
        format!("{header}.{}.AA", part(&json!([1]))),
        format!("{}.{}.AA", part(&json!({"typ": "JWT"})), part(&good_claims())),
        format!("{}.{}.AA", part(&json!({"alg": 5})), part(&good_claims())),
        format!("{header}.!!!.AA"),
        format!("{header}.{}.AA", BASE64URL_NOPAD.encode("[".repeat(5000).as_bytes())),
    ];
    for text in texts {
        let refusal = check(&text, &restriction()).unwrap_err();
        assert_eq!(refusal.reason(), "token-malformed", "{text:.60}");
    }
    let huge = hs256(&with("pad", json!("x".repeat(8000))));
    assert_eq!(check(&huge, &restriction()), Err(TokenError::TooLong));
    let large = hs256(&with("pad", json!("x".repeat(5000))));
    assert_eq!(check(&large, &restriction()), Ok(()));
}

#[test]
fn times_are_held_against_the_clock_with_its_skew() {
    let expired = Err(TokenError::Expired);
    let early = Err(TokenError::NotYetValid);
    let table = [
        (with("exp", json!(NOW - 59)), Ok(())),
        (with("exp", json!(NOW - 60)), expired.clone()),
        (with("exp", json!(NOW as f64 - 59.5)), Ok(())),
        (with("exp", json!(-1)), expired.clone()),
        (with("exp", json!(0)), expired),
        (with("exp", json!(1e300)), Ok(())),
        (without("exp"), Err(TokenError::ExpiryMissing)),
        (with("nbf", json!(NOW + 60)), Ok(())),
        (with("nbf", json!(NOW + 61)), early.clone()),
        (with("nbf", json!(1e300)), early),
    ];
    for (claims, outcome) in table {
        assert_eq!(check(&hs256(&claims), &restriction()), outcome, "{claims}");
    }
    for (name, value) in [("exp", json!("1900000000")), ("exp", json!(null)), ("nbf", json!([1]))] {
        let refusal = check(&hs256(&with(name, value)), &restriction()).unwrap_err();
        assert_eq!(refusal.reason(), "token-malformed", "{name}");
    }
}

#[test]
fn issuer_and_audience_are_compared_exactly() {
    let issuer = Err(TokenError::IssuerMismatch);
    let audience = Err(TokenError::AudienceMismatch);
    let table = [
        (with("iss", json!("https://issuer.example/")), issuer.clone()),
        (with("iss", json!("HTTPS://issuer.example")), issuer.clone()),
        (with("iss", json!([ISSUER])), issuer.clone()),
        (without("iss"), issuer),
        (with("aud", json!(["other", AUDIENCE])), Ok(())),
        (with("aud", json!([])), audience.clone()),
        (with("aud", json!(["other"])), audience.clone()),
        (with("aud", json!([[AUDIENCE]])), audience.clone()),
        (with("aud", json!({"a": AUDIENCE})), audience.clone()),
        (without("aud"), audience),
    ];
    for (claims, outcome) in table {
        assert_eq!(check(&hs256(&claims), &restriction()), outcome, "{claims}");
    }
}

#[test]
fn required_claims_must_be_there_with_their_value() {
    let missing = Err(TokenError::ClaimMissing("tier".into()));
    let mismatch = Err(TokenError::ClaimMismatch("tier".into()));
    let table = [
        (Some("hd"), json!("hd"), Ok(())),
        (Some("hd"), json!(["sd", "hd"]), Ok(())),
        (Some("7"), json!(7), Ok(())),
        (Some("true"), json!(true), Ok(())),
        (Some("hd"), json!("HD"), mismatch.clone()),
        (Some("hd"), json!({"hd": 1}), mismatch.clone()),
        (Some("null"), json!(null), mismatch),
        (None, json!("anything"), Ok(())),
    ];
    for (wanted, value, outcome) in table {
        let rule = vec![required("tier", wanted)];
        let restriction = TokenRestriction { required_claims: rule, ..restriction() };
        let token = hs256(&with("tier", value.clone()));
        assert_eq!(check(&token, &restriction), outcome, "{wanted:?} {value}");
        assert_eq!(check(&hs256(&good_claims()), &restriction), missing);
    }
}

#[test]
fn the_key_identifier_claim_must_name_the_key() {
    let rule = vec![required(KEY_IDENTIFIER_CLAIM, None)];
    let restriction = TokenRestriction { required_claims: rule, ..restriction() };
    let mismatch = Err(TokenError::KeyIdentifierMismatch);
    let table = [
        (json!(KID), Ok(())),
        (json!(KID.to_uppercase()), Ok(())),
        (json!(KID.replace('-', "")), Ok(())),
        (json!("9eb4050d-e44b-4802-932e-27d75083e267"), mismatch.clone()),
        (json!(""), mismatch.clone()),
        (json!(null), mismatch.clone()),
        (json!(1), mismatch.clone()),
        (json!({"kid": KID}), mismatch.clone()),
        (json!([]), mismatch.clone()),
        (json!([[KID]]), mismatch.clone()),
        (json!([null, "9eb4050d-e44b-4802-932e-27d75083e267", "SD"]), mismatch),
        (json!(format!("{{{KID}}}")), Ok(())),
        (json!(["HD", KID]), Ok(())),
    ];
    for (value, outcome) in table {
        let token = hs256(&with(KEY_IDENTIFIER_CLAIM, value.clone()));
        assert_eq!(check(&token, &restriction), outcome, "{value}");
    }
    let labelled = |label| {
        let token = hs256(&with(KEY_IDENTIFIER_CLAIM, json!(["AUDIO", "SD"])));
        let (kid, at) = (KID.parse().ok(), At { now: at(NOW), skew: SKEW });
        verify(&Bearer::new(token), &Question { restriction: &restriction, kid, label, at })
    };
    assert_eq!(labelled(Some("SD")), Ok(()));
    for label in [Some("HD"), Some("sd"), Some(""), None] {
        assert_eq!(labelled(label), Err(TokenError::KeyIdentifierMismatch), "{label:?}");
    }
    let lacking = Err(TokenError::ClaimMissing(KEY_IDENTIFIER_CLAIM.into()));
    assert_eq!(check(&hs256(&good_claims()), &restriction), lacking);
    let kid = Some(KID.parse::<KeyId>().unwrap());
    assert_eq!(check(&sign(&TokenSpec { kid, ..spec() }), &restriction), Ok(()));
}

#[test]
fn a_token_made_for_a_key_opens_no_other_also_when_the_policy_does_not_ask() {
    let other = json!("9eb4050d-e44b-4802-932e-27d75083e267");
    let token = hs256(&with(KEY_IDENTIFIER_CLAIM, other));
    let mismatch = Err(TokenError::KeyIdentifierMismatch);
    assert_eq!(check(&token, &restriction()), mismatch);
    let token = hs256(&with(KEY_IDENTIFIER_CLAIM, json!(KID)));
    assert_eq!(check(&token, &restriction()), Ok(()));
}

#[test]
fn a_token_that_relies_on_counted_uses_is_refused() {
    let claims = with("urn:microsoft:azure:mediaservices:maxuses", json!(1));
    assert_eq!(check(&hs256(&claims), &restriction()), Err(TokenError::UseLimit));
}

#[test]
fn alternate_keys_let_keys_roll_over() {
    let mut restriction = rsa_restriction();
    let old = Secret::from_bytes(SECRET.to_vec());
    restriction.alternate_verification_keys = vec![
        VerificationKey::Symmetric { key_value: Secret::from_bytes(vec![7; 32]) },
        VerificationKey::Symmetric { key_value: old },
    ];
    assert_eq!(check(&hs256(&good_claims()), &restriction), Ok(()));
    let pem = SigningKey::RsaPem(Secret::from_bytes(RSA_PEM.into()));
    assert_eq!(check(&make(&spec(), &pem).unwrap(), &restriction), Ok(()));
    let foreign = forge(&json!({"alg": "HS256"}), &good_claims(), b"another secret");
    assert_eq!(check(&foreign, &restriction), Err(TokenError::SignatureInvalid));
}

#[test]
fn a_modulus_with_leading_zeros_is_the_same_key() {
    let mut restriction = rsa_restriction();
    let VerificationKey::Rsa { modulus, .. } = &mut restriction.primary_verification_key else {
        panic!("the restriction is of an RSA key");
    };
    *modulus = Secret::from_bytes([&[0], modulus.expose()].concat());
    let token = rsa_sign(&signature::RSA_PKCS1_SHA256, "RS256");
    assert_eq!(check(&token, &restriction), Ok(()));
}

#[test]
fn what_is_no_private_key_makes_no_token() {
    for pem in ["", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"] {
        assert!(make(&spec(), &SigningKey::RsaPem(Secret::from_bytes(pem.into()))).is_err());
    }
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics_and_is_never_accepted(text in ".{0,300}") {
        prop_assert!(check(&text, &restriction()).is_err());
    }

    #[test]
    fn no_change_of_one_character_is_accepted(
        at in any::<prop::sample::Index>(),
        by in "[A-Za-z0-9_.-]",
    ) {
        let good = hs256(&good_claims());
        let at = at.index(good.len());
        let changed = format!("{}{by}{}", &good[..at], &good[at + 1..]);
        prop_assume!(changed != good);
        prop_assert!(check(&changed, &restriction()).is_err());
    }
}
