//! What each plugin of a run will be given. This is done before any of them runs, and on the thread that has
//! everything: files with credentials, the system's certificates, the identity of the machine at AWS.

use std::collections::BTreeMap;

use ptrun_host::{EgressOptions, Grant, Grants, Limits, Origin, Roots, SecretBytes, SecretRef, Use};

use crate::account::Accounts;
use crate::approval::Approved;
use crate::confine::Needs;
use crate::credential;
use crate::opener;
use crate::plan::Wanted;
use crate::plugins::{Plugin, Plugins};
use crate::report::Failure;

/// A run that is ready for its plugins.
pub(crate) struct Prepared {
    /// Those that are asked, by the scheme of their references.
    pub(crate) plugins: BTreeMap<String, Ready>,
    /// Secrets for other plugins, each with the scheme of that plugin.
    pub(crate) handed: Vec<((String, Purpose), Wanted)>,
    /// What all of them need of the system.
    pub(crate) needs: Needs,
    pub(crate) egress: EgressOptions,
}

/// What a secret is for that one plugin fetches for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To sign requests.
    Sign,
    /// To open files.
    Open,
}

/// What a plugin is given, but for secrets.
pub(crate) struct Given {
    pub(crate) grants: Grants,
    /// What it asks for and is not granted.
    pub(crate) missing: Vec<Grant>,
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) accounts: Accounts,
}

/// A plugin, and what it will be given.
pub(crate) struct Ready {
    pub(crate) approved: Approved,
    pub(crate) limits: Limits,
    pub(crate) given: Given,
    /// The keys to its files that are here.
    pub(crate) keys: Vec<SecretBytes>,
    /// How many secrets other plugins fetch for it.
    pub(crate) awaits: usize,
}

/// The plugins of `wanted` are used for `purpose`; those that only fetch a secret for them are read from.
/// If the run is `offline`, none of them may send requests, and nobody looks for credentials.
pub(crate) fn prepare(
    plugins: Plugins,
    purpose: Use,
    wanted: &[Wanted],
    offline: bool,
) -> Result<Prepared, Failure> {
    let asked = |scheme: &str| wanted.iter().any(|wanted| wanted.reference.scheme() == scheme);
    let handed = handed(&plugins, wanted);
    let mut plugins = plugins.into_map();
    let references: Vec<&SecretRef> =
        handed.iter().map(|(_, wanted)| wanted).chain(wanted).map(|wanted| &wanted.reference).collect();
    plugins.retain(|scheme, _| references.iter().any(|reference| reference.scheme() == scheme));

    let mut ready = BTreeMap::new();
    for (scheme, plugin) in plugins {
        let theirs: Vec<&SecretRef> =
            references.iter().copied().filter(|reference| reference.scheme() == scheme).collect();
        let purpose = if asked(&scheme) { purpose } else { Use::Read };
        let would_send = plugin.approved.wanted(purpose, &theirs).and(plugin.allowed.clone());
        if offline && would_send.origins().next().is_some() {
            let message = "a plugin would send requests, and this run is offline";
            return Err(Failure::new("grant/offline", message)
                .fact("plugin", &scheme)
                .help("leave out `--offline`, or take the secret from a file"));
        }
        let ready_plugin = make_ready(&scheme, plugin, purpose, &theirs)?;
        ready.insert(scheme, ready_plugin);
    }
    let needs = Needs {
        files: ready.values().flat_map(|ready| ready.given.grants.paths()).map(Into::into).collect(),
        ports: ready
            .values()
            .flat_map(|ready| ready.given.grants.origins())
            .map(|origin| origin.port())
            .collect(),
    };
    let encrypted = ready.values().flat_map(|ready| ready.given.grants.origins()).any(Origin::is_https);
    let egress = EgressOptions { roots: roots(encrypted), ..EgressOptions::default() };
    Ok(Prepared { plugins: ready, handed, needs, egress })
}

/// The secrets that the plugins of `wanted` need from others, each with the scheme of the one that needs it.
pub(crate) fn handed(plugins: &Plugins, wanted: &[Wanted]) -> Vec<((String, Purpose), Wanted)> {
    let asked = |scheme: &str| wanted.iter().any(|wanted| wanted.reference.scheme() == scheme);
    let mut handed = Vec::new();
    for (scheme, plugin) in plugins.iter().filter(|(scheme, _)| asked(scheme)) {
        let sign = plugin.credential.iter().map(|credential| (Purpose::Sign, credential));
        for (what_for, from) in sign.chain(plugin.keys.iter().map(|key| (Purpose::Open, key))) {
            if let Some(reference) = from.reference() {
                handed.push(((scheme.to_owned(), what_for), Wanted::one(reference.clone())));
            }
        }
    }
    handed
}

/// What a plugin is given to be used in this way. No secret is looked for.
pub(crate) fn given(plugin: &Plugin, purpose: Use, references: &[&SecretRef]) -> Result<Given, Failure> {
    let manifest = plugin.approved.verified().manifest();
    let accounts = Accounts::find(manifest, purpose, references, &plugin.settings)?;
    let wanted = accounts.redirect(plugin.approved.wanted(purpose, references));
    let (grants, missing) = plugin.approved.grants(&plugin.allowed, wanted);
    let mut settings = plugin.settings.clone();
    settings.extend(accounts.settings(manifest));
    Ok(Given { grants, missing, settings, accounts })
}

fn make_ready(
    scheme: &str,
    plugin: Plugin,
    purpose: Use,
    references: &[&SecretRef],
) -> Result<Ready, Failure> {
    let mut given = given(&plugin, purpose, references)?;
    let Plugin { approved, credential, keys, limits, .. } = plugin;
    let asks_for_keys = approved.verified().manifest().capabilities.keys;
    if !keys.is_empty() && !asks_for_keys {
        return Err(Failure::new("usage/unlock", format!("the plugin `{scheme}` asks for no key"))
            .help("`--credential` is for keys that sign requests"));
    }
    let mut here = Vec::new();
    if given.missing.is_empty() {
        let Given { mut grants, missing, settings, accounts } = given;
        grants = credential::sign_from_here(grants, &accounts, credential.as_ref(), references)?;
        if asks_for_keys {
            here = opener::here(&keys)?;
            grants = opener::from_files(grants, &here, !keys.is_empty(), references)?;
        }
        given = Given { grants, missing, settings, accounts };
    }
    let awaits = credential.iter().chain(&keys).filter(|from| from.reference().is_some()).count();
    Ok(Ready { approved, limits, given, keys: here, awaits })
}

/// As for curl and OpenSSL: whoever sets one of these variables wants the system's roots, or their own.
fn roots(encrypted: bool) -> Roots {
    let set = |name: &str| std::env::var_os(name).is_some();
    match encrypted && (set("SSL_CERT_FILE") || set("SSL_CERT_DIR")) {
        true => Roots::System.read(),
        false => Roots::Bundled,
    }
}
