//! Tokens in every form, under every kind of verification key (ams.md section 9).

use data_encoding::{BASE64, BASE64URL_NOPAD};
use portcullis::policy::{ContentKeyPolicy, Restriction, Secret, TokenRestriction};
use portcullis::token::{At, Bearer, Question, SigningKey, TokenError, make, make_swt, verify};
use ring::signature::{EcdsaKeyPair, KeyPair, RsaKeyPair};
use ring::{hmac, rand, rsa::PublicKeyComponents, signature};
use serde_json::{Value, json};

use crate::support::keys::{AUDIENCE, ISSUER, NOW, RSA_PEM, SECRET, SKEW, at, spec};

const EC_PEM: &str = include_str!("../../../keys/dev/token-es256.pem");
const RSA_CERT: &str = include_str!("../../../keys/dev/token-rs256-cert.pem");
const EC_CERT: &str = include_str!("../../../keys/dev/token-es256-cert.pem");

fn base64_of(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

fn der(pem: &str) -> Vec<u8> {
    BASE64.decode(base64_of(pem).as_bytes()).unwrap()
}

fn kind(name: &str) -> String {
    format!("#Microsoft.Media.ContentKeyPolicy{name}")
}

/// The policy of these keys, or why it is refused.
fn policy(form: &str, keys: &[Value]) -> Result<TokenRestriction, String> {
    let json = json!({"options": [{
        "configuration": {"@odata.type": kind("ClearKeyConfiguration")},
        "restriction": {"@odata.type": kind("TokenRestriction"), "issuer": ISSUER,
            "audience": AUDIENCE, "restrictionTokenType": form,
            "primaryVerificationKey": keys[0], "alternateVerificationKeys": keys[1..]}}]});
    let text = json.to_string();
    let policy = ContentKeyPolicy::from_properties("p", text.as_bytes()).map_err(|e| e.rule)?;
    let written = policy.to_properties_with_secrets();
    assert_eq!(ContentKeyPolicy::from_properties("p", written.as_bytes()), Ok(policy.clone()));
    match &policy.options[0].restriction {
        Restriction::Token(restriction) => Ok((**restriction).clone()),
        Restriction::Open {} => panic!("a token restriction is expected"),
    }
}

fn symmetric(secret: &[u8]) -> Value {
    json!({"@odata.type": kind("SymmetricTokenKey"), "keyValue": BASE64.encode(secret)})
}

fn certificate(pem: &str) -> Value {
    json!({"@odata.type": kind("X509CertificateTokenKey"), "rawBody": base64_of(pem)})
}

fn jwk_set(keys: &[Value]) -> Value {
    json!({"@odata.type": "#Portcullis.ContentKeyPolicyJsonWebKeySet", "keySet": {"keys": keys}})
}

fn ec_jwk(kid: &str) -> Value {
    let form = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let pair = EcdsaKeyPair::from_pkcs8(form, &der(EC_PEM), &rand::SystemRandom::new()).unwrap();
    let point = pair.public_key().as_ref();
    json!({"kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256", "use": "sig", "x5t": "ignored",
        "x": BASE64URL_NOPAD.encode(&point[1..33]), "y": BASE64URL_NOPAD.encode(&point[33..])})
}

fn rsa_jwk(kid: &str) -> Value {
    let pair = RsaKeyPair::from_der(&der(RSA_PEM)).unwrap();
    let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
    json!({"kty": "RSA", "kid": kid, "n": BASE64URL_NOPAD.encode(&public.n),
        "e": BASE64URL_NOPAD.encode(&public.e)})
}

fn es256() -> String {
    make(&spec(), &SigningKey::from_pem(Secret::from_bytes(EC_PEM.into()))).unwrap()
}

fn rs256() -> String {
    make(&spec(), &SigningKey::from_pem(Secret::from_bytes(RSA_PEM.into()))).unwrap()
}

fn hs256() -> String {
    make(&spec(), &SigningKey::Symmetric(Secret::from_bytes(SECRET.to_vec()))).unwrap()
}

/// An ES256 token whose header names a key.
fn es256_of(kid: &str) -> String {
    let part = |json: Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
    let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 60});
    let message = format!("{}.{}", part(json!({"alg": "ES256", "kid": kid})), part(claims));
    let form = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let random = rand::SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(form, &der(EC_PEM), &random).unwrap();
    let signed = pair.sign(&random, message.as_bytes()).unwrap();
    format!("{message}.{}", BASE64URL_NOPAD.encode(signed.as_ref()))
}

fn check(token: &str, restriction: &TokenRestriction) -> Result<(), TokenError> {
    let question =
        Question { restriction, kid: None, label: None, at: At { now: at(NOW), skew: SKEW } };
    verify(&Bearer::new(token), &question)
}

#[test]
fn each_kind_of_key_verifies_its_own_algorithm_and_no_other() {
    let hmac_jwk = json!({"kty": "oct", "k": BASE64URL_NOPAD.encode(SECRET)});
    let tokens = [hs256(), rs256(), es256()];
    for (name, key, accepts) in [
        ("symmetric", symmetric(SECRET), [true, false, false]),
        ("certificate, RSA", certificate(RSA_CERT), [false, true, false]),
        ("certificate, EC", certificate(EC_CERT), [false, false, true]),
        ("JWK, RSA", jwk_set(&[rsa_jwk("r")]), [false, true, false]),
        ("JWK, EC", jwk_set(&[ec_jwk("e")]), [false, false, true]),
        ("JWK, oct", jwk_set(&[hmac_jwk]), [true, false, false]),
        ("JWK set", jwk_set(&[rsa_jwk("r"), ec_jwk("e")]), [false, true, true]),
    ] {
        let restriction = policy("Jwt", &[key]).unwrap();
        for (token, accepted) in tokens.iter().zip(accepts) {
            let expected = if accepted { Ok(()) } else { Err(TokenError::AlgorithmNotAllowed) };
            assert_eq!(check(token, &restriction), expected, "{name}");
        }
    }
}

#[test]
fn alternate_keys_of_other_kinds_are_tried_in_order() {
    let keys = [symmetric(&[1; 32]), certificate(EC_CERT), symmetric(SECRET)];
    let restriction = policy("Jwt", &keys).unwrap();
    assert_eq!(check(&hs256(), &restriction), Ok(()));
    assert_eq!(check(&es256(), &restriction), Ok(()));
    assert_eq!(check(&rs256(), &restriction), Err(TokenError::AlgorithmNotAllowed));
}

#[test]
fn a_token_that_names_a_key_is_of_no_other() {
    let set = |kid| policy("Jwt", &[jwk_set(&[rsa_jwk("other"), ec_jwk(kid)])]).unwrap();
    assert_eq!(check(&es256_of("now"), &set("now")), Ok(()));
    assert_eq!(check(&es256_of("before"), &set("now")), Err(TokenError::SignatureInvalid));
    // A certificate has no name that the token could mean.
    let certificate = policy("Jwt", &[certificate(EC_CERT)]).unwrap();
    assert_eq!(check(&es256_of("any"), &certificate), Ok(()));
}

#[test]
fn damaged_signatures_do_not_verify() {
    for (token, key) in [
        (rs256(), certificate(RSA_CERT)),
        (es256(), certificate(EC_CERT)),
        (es256(), jwk_set(&[ec_jwk("e")])),
    ] {
        let restriction = policy("Jwt", &[key]).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            bytes[at] ^= 1;
            let forged = format!("{message}.{}", BASE64URL_NOPAD.encode(&bytes));
            assert_eq!(check(&forged, &restriction), Err(TokenError::SignatureInvalid));
            bytes[at] ^= 1;
        }
    }
}

#[test]
fn keys_that_verify_nothing_are_refused_when_they_are_stored() {
    let with = |mut key: Value, name: &str, value: Value| {
        key[name] = value;
        jwk_set(&[key])
    };
    let short = json!({"kty": "oct", "k": BASE64URL_NOPAD.encode(&[1; 31])});
    let path = "options[0].restriction.primaryVerificationKey";
    for (form, key, rule) in [
        (
            "Jwt",
            json!({"@odata.type": kind("X509CertificateTokenKey"), "rawBody": "AAAA"}),
            "rawBody",
        ),
        ("Jwt", jwk_set(&[]), "keySet.keys: 1 to 64"),
        ("Jwt", jwk_set(&[json!({"kty": "OKP"})]), "keySet.keys: none verifies"),
        ("Jwt", with(ec_jwk("e"), "use", json!("enc")), "keySet.keys: none verifies"),
        ("Jwt", with(ec_jwk("e"), "d", json!("AAAA")), "keySet.keys[0].d: a private key"),
        ("Jwt", with(ec_jwk("e"), "x", json!("AAAA")), "keySet.keys[0].x: coordinates"),
        ("Jwt", with(ec_jwk("e"), "x", json!("AA==")), "keySet.keys[0].x: unpadded base64url"),
        ("Jwt", jwk_set(&[short]), "keySet.keys[0].k: at least"),
        ("Jwt", json!({"@odata.type": "#X"}), "@odata.type: unknown type"),
        ("Swt", symmetric(&[1; 31]), "keyValue: a symmetric"),
    ] {
        let refused = policy(form, &[key]).unwrap_err();
        assert!(refused.starts_with(&format!("{path}.{rule}")), "{rule}: {refused}");
    }
    let swt = policy("Swt", &[certificate(EC_CERT)]).unwrap_err();
    assert!(swt.contains("restrictionTokenType: Swt goes with symmetric keys"), "{swt}");
}

fn swt(claims: &str, secret: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), claims.as_bytes());
    let tag: String =
        url::form_urlencoded::byte_serialize(BASE64.encode(tag.as_ref()).as_bytes()).collect();
    format!("{claims}&HMACSHA256={tag}")
}

/// Written by hand, in the order of ams.md section 9.
fn claims(expires: i64) -> String {
    format!("Audience=urn%3Aviewers&ExpiresOn={expires}&Issuer=https%3A%2F%2Fissuer.example")
}

#[test]
fn simple_web_tokens_keep_the_rules_of_all_tokens() {
    let restriction = policy("Swt", &[symmetric(&[1; 32]), symmetric(SECRET)]).unwrap();
    let good = claims(NOW + 60);
    let malformed =
        |token: &str| matches!(check(token, &restriction), Err(TokenError::Malformed(_)));
    assert_eq!(check(&swt(&good, SECRET), &restriction), Ok(()));
    for (token, refused) in [
        (swt(&good, b"another secret of at least 32 bytes"), TokenError::SignatureInvalid),
        (swt(&claims(NOW - 120), SECRET), TokenError::Expired),
        (swt(&good.replace("viewers", "others"), SECRET), TokenError::AudienceMismatch),
        (swt(&good.replace("issuer.", "other."), SECRET), TokenError::IssuerMismatch),
        (
            swt(&good.replace(&format!("ExpiresOn={}", NOW + 60), "a=b"), SECRET),
            TokenError::ExpiryMissing,
        ),
        (swt(&good, SECRET).replace("Audience", "a=b&Audience"), TokenError::SignatureInvalid),
    ] {
        assert_eq!(check(&token, &restriction), Err(refused), "{token}");
    }
    assert!(malformed(&good));
    assert!(malformed(&format!("{}&a=b", swt(&good, SECRET))));
    assert!(malformed(&swt(&format!("{good}&Issuer=x"), SECRET)));
    assert!(malformed(&swt(&format!("{good}&iss=x"), SECRET)));
    assert!(malformed(&swt(&good.replace("ExpiresOn=", "ExpiresOn=x"), SECRET)));
    assert!(malformed(&hs256()));
    let jwt = policy("Jwt", &[symmetric(SECRET)]).unwrap();
    assert!(matches!(check(&swt(&good, SECRET), &jwt), Err(TokenError::Malformed(_))));
}

#[test]
fn simple_web_tokens_that_are_made_are_accepted() {
    let restriction = policy("Swt", &[symmetric(SECRET)]).unwrap();
    let key = SigningKey::Symmetric(Secret::from_bytes(SECRET.to_vec()));
    let kid = "9eb4050d-e44b-4802-932e-27d75083e266".parse().ok();
    let mut spec = portcullis::token::TokenSpec { kid, not_before: Some(at(NOW - 5)), ..spec() };
    spec.claims.insert("tier".into(), json!(["hd", "a&b=c"]));
    let token = make_swt(&spec, &key).unwrap();
    let question = |kid| Question {
        restriction: &restriction,
        kid,
        label: None,
        at: At { now: at(NOW), skew: SKEW },
    };
    assert_eq!(verify(&Bearer::new(token.clone()), &question(kid)), Ok(()));
    let other = Some(portcullis::ids::KeyId::from_bytes([1; 16]));
    let refused = verify(&Bearer::new(token), &question(other));
    assert_eq!(refused, Err(TokenError::KeyIdentifierMismatch));
    let rsa = SigningKey::from_pem(Secret::from_bytes(RSA_PEM.into()));
    assert!(make_swt(&spec, &rsa).is_err());
}
