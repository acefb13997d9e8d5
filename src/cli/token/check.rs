//! `portcullis token check`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::source::{KeyArgs, Source, StoreArgs, restrictions};
use super::{claim, form, read_token};
use crate::cli::CliError;
use crate::cli::out::outln;
use crate::ids::KeyId;
use crate::policy::content_key::TokenType;
use crate::policy::{TokenRestriction, VerificationKey};
use crate::token::{At, Question, SigningKey, Unverified, Verdict, explain};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portcullis token check --policy token --data portcullis-data < token.txt
  portcullis token check --key-base64-env TOKEN_KEY --issuer urn:i --audience urn:a < token.txt")]
pub(super) struct Args {
    /// The token; read from standard input when it is `-` or left out, which keeps it from other
    /// users of the machine, who can see arguments
    token: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
    /// The issuer that is expected [default: the policy's]
    #[arg(long, required_unless_present = "policy")]
    issuer: Option<String>,
    /// The audience that is expected [default: the policy's]
    #[arg(long, required_unless_present = "policy")]
    audience: Option<String>,
    /// The key that is asked for; without it the key-identifier claim only has to be there
    #[arg(long, value_name = "GUID")]
    kid: Option<KeyId>,
    /// The label of that key in the streaming policy, which the claim may name too
    #[arg(long, requires = "kid")]
    label: Option<String>,
    /// The form of the token, when no policy says it
    #[arg(long, value_name = "FORM", value_parser = form, default_value = "jwt")]
    form: TokenType,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreArgs,
}

/// What one option of the policy says.
struct Report {
    option: String,
    verdicts: Vec<Verdict>,
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let config = args.store.config()?;
    let token = read_token(args.token.as_deref())?;
    let options = expected(&args, args.key.load(&config).await?)?;
    let at = At { now: Timestamp::now(), skew: config.delivery.clock_skew };
    // `expected` gives at least one.
    let form = options.first().map_or(args.form, |(_, it)| it.restriction_token_type);
    let unverified = Unverified::read(&token, form).map_err(CliError::refused)?;
    let reports = options
        .iter()
        .map(|(option, restriction)| {
            let label = args.label.as_deref();
            let question = Question { restriction, kid: args.kid, label, at };
            let verdicts = explain(&token, &question).map_err(CliError::refused)?;
            Ok(Report { option: option.clone(), verdicts })
        })
        .collect::<Result<Vec<_>, CliError>>()?;
    if args.json {
        outln!("{}", as_json(unverified.claims(), &reports));
    } else {
        print(unverified.claims(), &reports);
    }
    if reports.iter().any(Report::accepts) {
        Ok(())
    } else {
        Err(CliError::refused("the token is refused"))
    }
}

/// The restrictions to hold the token against: those of the policy, or one made of the arguments.
fn expected(args: &Args, source: Source) -> Result<Vec<(String, TokenRestriction)>, CliError> {
    let overridden = |mut restriction: TokenRestriction| {
        restriction.issuer = args.issuer.clone().unwrap_or(restriction.issuer);
        restriction.audience = args.audience.clone().unwrap_or(restriction.audience);
        restriction
    };
    let options: Vec<_> = match source {
        Source::Key(key) => vec![("key".to_owned(), overridden(of_key(key, args.form)?))],
        Source::Policy(policy) => restrictions(&policy)
            .zip(1..)
            .map(|((name, restriction), n)| {
                let name = name.map_or_else(|| format!("option {n}"), str::to_owned);
                (name, overridden(restriction.clone()))
            })
            .collect(),
    };
    if options.is_empty() {
        return Err(CliError::refused("the policy asks for no token"));
    }
    Ok(options)
}

fn of_key(key: SigningKey, form: TokenType) -> Result<TokenRestriction, CliError> {
    let SigningKey::Symmetric(key_value) = key else {
        let rule = "tokens of private keys are checked against a policy, which has the public key";
        return Err(CliError::usage(rule));
    };
    Ok(TokenRestriction {
        issuer: String::new(),
        audience: String::new(),
        primary_verification_key: VerificationKey::Symmetric { key_value },
        alternate_verification_keys: Vec::new(),
        required_claims: Vec::new(),
        restriction_token_type: form,
    })
}

fn print(claims: &Map<String, Value>, reports: &[Report]) {
    for (name, value) in claims {
        outln!("{}", claim(name, value));
    }
    for report in reports {
        outln!("\n{}:", report.option);
        for Verdict { rule, outcome } in &report.verdicts {
            match outcome {
                Ok(()) => outln!("  ok      {rule}"),
                Err(error) => outln!("  REFUSED {rule}: {error} ({})", error.reason()),
            }
        }
    }
}

fn as_json(claims: &Map<String, Value>, reports: &[Report]) -> Value {
    let options: Vec<Value> = reports.iter().map(Report::as_json).collect();
    let accepted = reports.iter().any(Report::accepts);
    json!({"accepted": accepted, "claims": claims, "options": options})
}

impl Report {
    fn accepts(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.outcome.is_ok())
    }

    fn as_json(&self) -> Value {
        let rules: Vec<Value> = self
            .verdicts
            .iter()
            .map(|Verdict { rule, outcome }| match outcome {
                Ok(()) => json!({"rule": rule, "kept": true}),
                Err(error) => json!({
                    "rule": rule,
                    "kept": false,
                    "code": error.reason(),
                    "detail": error.to_string(),
                }),
            })
            .collect();
        json!({"option": self.option, "accepted": self.accepts(), "rules": rules})
    }
}
