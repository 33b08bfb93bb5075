//! `ptrun plugin trust`.

use std::path::PathBuf;

use clap::Args;
use ptrun_host::{Digest, Pin, PluginSource, PublicKey, Scope, Standing, TrustError, TrustStore, Verified};

use crate::args::Global;
use crate::commands::{key, print};
use crate::report::{Failure, Failures};
use crate::{approval, user};

#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// The file of the plugin
    file: PathBuf,
    /// A key that must have signed it: 64 hexadecimal digits, or a file. It is trusted for this plugin
    #[arg(long, value_name = "KEY")]
    signer: Vec<String>,
    /// What the content must be
    #[arg(long)]
    digest: Option<Digest>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Trusts the signer of a plugin for its name, and approves what it asks for. What is shown, and approved, is
/// what was read: there is one copy.
pub(crate) fn trust(global: &Global, args: &TrustArgs) -> Result<(), Failures> {
    let place = args.file.display().to_string();
    let expected = args.signer.iter().map(|text| key::public(text)).collect::<Result<Vec<_>, _>>()?;
    let (plugin, new_signers) = verify(global, args, &expected)?;
    let pin = Pin::of(&plugin);
    if let Some(key) = expected.iter().find(|key| !pin.signers.contains(key)) {
        let message = format!("the plugin `{place}` is not signed by the key that you name");
        return Err(Failure::new("trust/unknown-signer", message)
            .fact("key", key)
            .help("ask the publisher which key it is")
            .into());
    }
    if let Some(digest) = args.digest.filter(|digest| *digest != pin.digest) {
        let message = format!("the plugin `{place}` has another content than the one that you name");
        let failure = Failure::new("trust/changed", message).fact("named", digest).fact("digest", pin.digest);
        return Err(failure.help("look at it again before you trust it").into());
    }

    let standing = user::approvals()?.standing(&pin);
    // Without a terminal, a key that nobody trusts yet is named by the user, or not trusted.
    let named = new_signers.iter().all(|key| expected.contains(key));
    let certain = (args.yes || args.digest.is_some()) && named;
    if !certain && !approval::confirmed(&why(&standing, &new_signers), &place, &pin) {
        let failure = approval::unapproved(&place, &pin, &standing);
        return Err(match new_signers.iter().find(|key| !expected.contains(key)) {
            Some(key) => failure.help(format!("if you expected this signer, add `--signer {key} --yes`")),
            None => failure,
        }
        .into());
    }

    let scope: Scope = pin
        .full_name()
        .parse()
        .map_err(|why: ptrun_host::ScopeError| Failure::new("trust/manifest", why.to_string()))?;
    for key in new_signers {
        key::trust(key, std::slice::from_ref(&scope), None, None, None)?;
    }
    for (name, value) in approval::described(&place, &pin) {
        print(&format!("{name:<11}{value}\n"))?;
    }
    approval::record(vec![pin])?;
    Ok(())
}

/// Verifies with what the user trusts; and if that does not do, with the keys that they name, or the one that
/// the signature names, for this plugin. Returns the keys that are not trusted yet.
fn verify(
    global: &Global,
    args: &TrustArgs,
    expected: &[PublicKey],
) -> Result<(Verified, Vec<PublicKey>), Failure> {
    let trust = user::trust()?;
    let read = PluginSource::file(&args.file).read_at_most(global.largest_component()?)?;
    let again = PluginSource::memory(read.origin().to_owned(), read.bytes().to_vec());
    let (signer, claims) = match trust.verify(read) {
        Ok(verified) => return Ok((verified, Vec::new())),
        Err(TrustError::OutOfScope { signer, claims, .. }) => (Some(signer), claims),
        Err(TrustError::UnknownSigner { signer, claims, .. }) => (signer, claims),
        Err(why) => return Err(why.into()),
    };
    let candidates = if expected.is_empty() { signer.into_iter().collect() } else { expected.to_vec() };
    let mut trust: TrustStore = trust;
    if let Ok(scope) = claims.parse::<Scope>() {
        for key in &candidates {
            trust.add(*key, scope.clone());
        }
    }
    let verified = trust.verify(again.read()?)?;
    let new = verified.signers().iter().copied().filter(|key| candidates.contains(key)).collect();
    Ok((verified, new))
}

/// The first line of the question.
fn why(standing: &Standing, new_signers: &[PublicKey]) -> String {
    let mut text = match standing {
        Standing::Known => "You approved it already.".to_owned(),
        Standing::New => "It has not run for you before.".to_owned(),
        Standing::Changed(changes) => {
            let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
            format!("It is not what you approved: {}.", changes.join("; "))
        }
        _ => "You approved another release of it.".to_owned(),
    };
    for key in new_signers {
        text.push_str(&format!("\nYou do not trust its signer {key} yet."));
    }
    text
}
