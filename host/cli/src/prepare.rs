//! What each plugin of a run will be given. This is done before any of them runs, and on the thread that has
//! everything: files with credentials, the system's certificates, the identity of the machine at AWS.

use std::collections::BTreeMap;

use ptrun_host::{EgressOptions, Grant, Grants, Limits, Roots, SecretRef};

use crate::approval::Approved;
use crate::confine::Needs;
use crate::credential;
use crate::plan::Wanted;
use crate::plugins::{Plugin, Plugins};
use crate::report::Failure;

/// A run that is ready for its plugins.
pub(crate) struct Prepared {
    /// Those that are asked, by the scheme of their references.
    pub(crate) plugins: BTreeMap<String, Ready>,
    /// The secrets that sign the requests of other plugins, each with the scheme of that plugin.
    pub(crate) credentials: Vec<(String, Wanted)>,
    /// What all of them need of the system.
    pub(crate) needs: Needs,
    pub(crate) egress: EgressOptions,
}

/// A plugin, and what it will be given.
pub(crate) struct Ready {
    pub(crate) approved: Approved,
    pub(crate) limits: Limits,
    pub(crate) grants: Grants,
    /// What it asks for and is not granted.
    pub(crate) missing: Vec<Grant>,
    /// Whether a secret of another plugin signs its requests.
    pub(crate) is_signed_later: bool,
}

pub(crate) fn prepare(plugins: Plugins, wanted: &[Wanted]) -> Result<Prepared, Failure> {
    let mut plugins = plugins.into_map();
    let asked = |scheme: &str| wanted.iter().any(|wanted| wanted.reference.scheme() == scheme);
    let credentials: Vec<(String, Wanted)> = plugins
        .iter()
        .filter(|(scheme, _)| asked(scheme))
        .filter_map(|(scheme, plugin)| {
            let reference = plugin.credential.as_ref()?.reference()?.clone();
            Some((scheme.clone(), Wanted { name: None, reference }))
        })
        .collect();
    let references: Vec<&SecretRef> =
        credentials.iter().map(|(_, wanted)| wanted).chain(wanted).map(|wanted| &wanted.reference).collect();
    plugins.retain(|scheme, _| references.iter().any(|reference| reference.scheme() == scheme));

    let mut ready = BTreeMap::new();
    for (scheme, plugin) in plugins {
        let theirs: Vec<&SecretRef> =
            references.iter().copied().filter(|reference| reference.scheme() == scheme).collect();
        ready.insert(scheme, given(plugin, &theirs)?);
    }
    let needs = Needs {
        files: ready.values().flat_map(|ready| ready.grants.paths()).map(Into::into).collect(),
        ports: ready.values().flat_map(|ready| ready.grants.origins()).map(|origin| origin.port()).collect(),
    };
    let egress = EgressOptions { roots: roots(&needs), ..EgressOptions::default() };
    Ok(Prepared { plugins: ready, credentials, needs, egress })
}

fn given(plugin: Plugin, references: &[&SecretRef]) -> Result<Ready, Failure> {
    let Plugin { approved, allowed, credential, limits, .. } = plugin;
    let (mut grants, missing) = approved.grants(&allowed, references);
    if missing.is_empty() {
        grants = credential::sign_from_here(grants, credential.as_ref(), references)?;
    }
    let is_signed_later = credential.is_some_and(|credential| credential.reference().is_some());
    Ok(Ready { approved, limits, grants, missing, is_signed_later })
}

/// As for curl and OpenSSL: whoever sets one of these variables wants the system's roots, or their own.
fn roots(needs: &Needs) -> Roots {
    let set = |name: &str| std::env::var_os(name).is_some();
    match !needs.ports.is_empty() && (set("SSL_CERT_FILE") || set("SSL_CERT_DIR")) {
        true => Roots::System.read(),
        false => Roots::Bundled,
    }
}
