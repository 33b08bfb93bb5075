//! `ptrun explain`.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum as _};
use ptrun_host::{Auth, SecretName, SecretRef, Use};
use serde_json::{Value, json};

use super::{pretty, print};
use crate::args::{Global, RunArgs};
use crate::config::{Inject, WholeConfig};
use crate::plan::{Entry, Origin, Plan, Wanted};
use crate::plugins::{Plugin, Plugins};
use crate::prepare::{self, Given};
use crate::report::{Failure, Failures};

/// The service that a policy is printed for.
const SERVICE: &str = "secretsmanager";

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print the smallest policy of AWS IAM that the references need. A secret with a key of your own in KMS needs
    /// `kms:Decrypt` on that key, too
    #[arg(long, conflicts_with = "json")]
    iam: bool,
}

/// Says what a run would do: which secret comes from where, and what each plugin would be given. No plugin runs, and
/// no secret is read.
pub(crate) fn explain(global: &Global, args: &ExplainArgs) -> Result<(), Failures> {
    let config = global.config()?;
    let mut plugins = Plugins::named(global, &config)?;
    let plan = Plan::new(&args.run.secrets, &config, &mut plugins)?;
    let mut wanted = plan.wanted();
    wanted.extend(prepare::handed(&plugins, &wanted).into_iter().map(|(_, wanted)| wanted));
    let mut explained = Vec::new();
    for (scheme, plugin) in plugins.into_map() {
        let references: Vec<&SecretRef> =
            wanted.iter().map(|wanted| &wanted.reference).filter(|of| of.scheme() == scheme).collect();
        if !references.is_empty() {
            let given = prepare::given(&plugin, Use::Read, &references)?;
            explained.push(Explained { scheme, plugin, given });
        }
    }
    let usual = args.run.inject.or(config.run.inject).unwrap_or_default();
    let secrets = Secrets { plan: &plan, usual };
    let text = match (args.iam, args.json) {
        (true, _) => policy(&explained, &wanted)?,
        (_, true) => pretty(&json!({
            "files": config.files,
            "profile": config.profile.name(),
            "plugins": explained.iter().map(Explained::json).collect::<Vec<_>>(),
            "secrets": secrets.json(),
            "from": secrets.wholes(),
        }))?,
        _ => {
            let files = config.files.iter().map(|file| format!("file {file}\n"));
            let profile = config.profile.name().map(|name| format!("profile {name}\n"));
            files
                .chain(profile)
                .chain(explained.iter().map(Explained::text))
                .chain([secrets.text()])
                .collect()
        }
    };
    Ok(print(&text)?)
}

/// The secrets of the run.
struct Secrets<'a> {
    plan: &'a Plan,
    /// How those are delivered that do not say it.
    usual: Inject,
}

impl Secrets<'_> {
    fn inject(&self, entry: &Entry) -> String {
        let inject = entry.inject.unwrap_or(self.usual).to_possible_value();
        inject.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn text(&self) -> String {
        let secret = |(name, entry): (&SecretName, &Entry)| {
            let optional = if entry.required { "" } else { ", if it is there" };
            let default = if entry.default.is_some() { ", or a default" } else { "" };
            let how = format!("{}{optional}{default}", self.inject(entry));
            format!("secret {name} = {}\n  from: {}\n  delivered: {how}\n", entry.reference, entry.origin)
        };
        let whole = |whole: &WholeConfig| {
            let from = whole.place.as_ref().map_or_else(|| Origin::Option.to_string(), ToString::to_string);
            format!("members of {} as {}*\n  from: {from}\n", whole.reference, whole.prefix)
        };
        self.plan.entries.iter().map(secret).chain(self.plan.wholes.iter().map(whole)).collect()
    }

    fn json(&self) -> Value {
        let secret = |(name, entry): (&SecretName, &Entry)| {
            json!({
                "name": name.to_string(),
                "reference": entry.reference.to_string(),
                "from": entry.origin.to_string(),
                "required": entry.required,
                "default": entry.default.is_some(),
                "inject": self.inject(entry),
            })
        };
        self.plan.entries.iter().map(secret).collect()
    }

    fn wholes(&self) -> Value {
        let whole = |whole: &WholeConfig| {
            json!({
                "reference": whole.reference.to_string(),
                "prefix": whole.prefix,
                "upper": whole.upper,
                "from": whole.place.as_ref().map_or_else(|| Origin::Option.to_string(), ToString::to_string),
            })
        };
        self.plan.wholes.iter().map(whole).collect()
    }
}

/// A plugin of the run, and what it would be given.
struct Explained {
    scheme: String,
    plugin: Plugin,
    given: Given,
}

impl Explained {
    /// Each with its name: what it is, who signed it, what it is given and what it lacks.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let approved = &self.plugin.approved;
        let manifest = approved.verified().manifest();
        let mut facts =
            vec![("is", format!("{} {} ({})", manifest.full_name(), manifest.version, approved.place()))];
        facts.extend(approved.verified().signers().iter().map(|key| ("signer", key.to_string())));
        facts.push(("digest", approved.verified().digest().to_string()));
        facts.extend(self.given.grants.requests().map(|request| ("given", request)));
        facts.extend(self.given.missing.iter().map(|grant| ("missing", grant.to_string())));
        let settings = self.given.settings.iter();
        facts.extend(settings.map(|(name, value)| ("setting", format!("{name} = {value}"))));
        facts
    }

    fn text(&self) -> String {
        let facts = self.facts().into_iter().map(|(name, value)| format!("  {name}: {value}\n"));
        format!("plugin {}\n{}", self.scheme, facts.collect::<String>())
    }

    fn json(&self) -> serde_json::Value {
        let mut facts: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (name, value) in self.facts() {
            facts.entry(name).or_default().push(value);
        }
        json!({ "scheme": self.scheme, "facts": facts })
    }

    fn reads_secrets_of_aws(&self) -> bool {
        let capabilities = &self.plugin.approved.verified().manifest().capabilities;
        capabilities.http.iter().any(|access| access.auth == Some(Auth::AwsSigv4(SERVICE.to_owned())))
    }
}

/// For all plugins that read from AWS Secrets Manager together.
fn policy(plugins: &[Explained], wanted: &[Wanted]) -> Result<String, Failure> {
    let failure =
        |why: String, help: &str| Failure::new("usage/iam", format!("there is no policy: {why}")).help(help);
    let mut regions = BTreeMap::new();
    for explained in plugins.iter().filter(|explained| explained.reads_secrets_of_aws()) {
        regions.insert(explained.scheme.as_str(), explained.given.accounts.region());
    }
    let of_aws: Vec<&SecretRef> = wanted
        .iter()
        .map(|wanted| &wanted.reference)
        .filter(|of| regions.contains_key(of.scheme()))
        .collect();
    if of_aws.is_empty() {
        let why = "no reference is to AWS Secrets Manager".to_owned();
        return Err(failure(why, "name some: `ptrun explain --iam -s NAME=aws://SECRET`"));
    }
    // They are all of this machine.
    let region = regions.values().copied().flatten().next();
    let policy = ptrun_aws::policy(of_aws.iter().map(|of| (of.key(), of.options())), region);
    let policy = policy.map_err(|why| failure(why, "set AWS_REGION, or add `?region=` to the reference"))?;
    Ok(policy + "\n")
}
