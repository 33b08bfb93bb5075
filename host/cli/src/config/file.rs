//! The shape of a configuration file. Unknown keys are errors, everywhere.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// A table of which the keys have places.
pub(super) type Table<T> = BTreeMap<Spanned<String>, T>;

/// `ptrun.toml`, `ptrun.local.toml`, and `config.toml` of the user.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(title = "ptrun.toml"))]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct File {
    /// The version of this format: 1.
    #[cfg_attr(test, schemars(with = "Option<u64>"))]
    pub(super) version: Option<Spanned<u64>>,
    /// The profile of a run that names none.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub(super) profile: Option<Spanned<String>>,
    /// Where the audit goes: a path, `stderr`, `journald`, `syslog`, or `off`; or several of them. Only in the user's
    /// own file.
    #[cfg_attr(test, schemars(with = "Option<Strings>"))]
    pub(super) audit: Option<Spanned<Strings>>,
    /// How runs go.
    pub(super) run: Run,
    /// Plugins, by the scheme of their references.
    #[cfg_attr(test, schemars(with = "BTreeMap<String, Plugin>"))]
    pub(super) plugins: Table<Plugin>,
    /// Secrets, by the name of the variable that each is delivered in.
    #[cfg_attr(test, schemars(with = "BTreeMap<String, Secret>"))]
    pub(super) secrets: Table<Spanned<Secret>>,
    /// Secrets that are objects, each member of which is delivered in a variable of its own.
    #[cfg_attr(test, schemars(with = "Vec<Whole>"))]
    pub(super) from: Vec<Spanned<Whole>>,
    /// What is different in a profile: `ptrun --profile NAME`.
    #[cfg_attr(test, schemars(with = "BTreeMap<String, Profile>"))]
    pub(super) profiles: Table<Profile>,
}

/// What is different in a profile.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Profile {
    /// Another profile, over which this one is laid.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub(super) extends: Option<Spanned<String>>,
    /// How runs go.
    pub(super) run: Run,
    /// Plugins, by the scheme of their references.
    #[cfg_attr(test, schemars(with = "BTreeMap<String, Plugin>"))]
    pub(super) plugins: Table<Plugin>,
    /// Secrets, by the name of the variable that each is delivered in.
    #[cfg_attr(test, schemars(with = "BTreeMap<String, Secret>"))]
    pub(super) secrets: Table<Spanned<Secret>>,
    /// Secrets that are objects, each member of which is delivered in a variable of its own.
    #[cfg_attr(test, schemars(with = "Vec<Whole>"))]
    pub(super) from: Vec<Spanned<Whole>>,
}

/// How runs go.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Run {
    /// How secrets are delivered that do not say it themselves.
    pub(super) inject: Option<Inject>,
    /// How long all plugins together may take: `500ms`, `30s`, `2m`.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub(super) timeout: Option<Spanned<String>>,
    /// Start from an empty environment.
    pub(super) pristine: Option<bool>,
    /// Variables that an empty environment begins with.
    pub(super) keep: Option<Vec<String>>,
    /// Stay the parent of the command.
    pub(super) supervise: Option<bool>,
}

/// How a secret gets to the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, clap::ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Inject {
    /// In the variable
    #[default]
    Env,
    /// In a file of its own in memory, which goes with the command; its path is in the variable
    File,
    /// In an open file that has no name; its path, `/dev/fd/N`, is in the variable
    Fd,
    /// On standard input, as a member of a JSON object
    Stdin,
    /// Only where a template names it
    Template,
}

/// One of `[plugins]`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Plugin {
    /// Its file, from the folder of this one; without it, a built-in plugin, or one in the user's folder for plugins.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub(super) path: Option<Spanned<String>>,
    /// Its settings.
    #[cfg_attr(test, schemars(with = "BTreeMap<String, String>"))]
    pub(super) config: Table<String>,
    /// What opens its files: references, or `@` and a path.
    #[cfg_attr(test, schemars(with = "Option<Strings>"))]
    pub(super) key: Option<Spanned<Strings>>,
    /// What signs its requests: a reference, or `@` and a path. Only in the user's own file.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub(super) credential: Option<Spanned<String>>,
    /// Grants: `env=NAME`, `file=PATH`, `http=ORIGIN`, `network=RANGE`, `random`. Only in the user's own file.
    #[cfg_attr(test, schemars(with = "Option<Strings>"))]
    pub(super) allow: Option<Spanned<Strings>>,
    /// Limits that are not as usual: `memory = "128MiB"`. Only in the user's own file.
    #[cfg_attr(test, schemars(with = "BTreeMap<String, String>"))]
    pub(super) limits: Table<String>,
}

/// One of `[[from]]`: an object whose members are secrets.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Whole {
    /// Where it is.
    #[serde(rename = "ref")]
    pub(super) reference: String,
    /// What stands before the name of each variable.
    #[serde(default)]
    pub(super) prefix: String,
    /// Names in capitals, and `_` for what cannot be in the name of a variable.
    #[serde(default)]
    pub(super) upper: bool,
}

/// One of `[secrets]`: a reference, or a table.
#[derive(Debug, Clone)]
pub(super) struct Secret {
    pub(super) reference: String,
    pub(super) required: bool,
    pub(super) default: Option<String>,
    pub(super) inject: Option<Inject>,
}

/// One of `[secrets]`, as a table.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SecretTable {
    /// Where it is: `scheme://key`.
    #[serde(rename = "ref")]
    reference: String,
    /// Whether the command needs it; otherwise its variable is left out where there is no such secret.
    #[serde(default = "yes")]
    required: bool,
    /// What is delivered where there is no such secret. No secret belongs here.
    default: Option<String>,
    /// How it is delivered.
    inject: Option<Inject>,
}

const fn yes() -> bool {
    true
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a reference such as \"env://NAME\", or a table with `ref`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret { reference: text.to_owned(), required: true, default: None, inject: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Secret, A::Error> {
                let SecretTable { reference, required, default, inject } =
                    Deserialize::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Secret { reference, required, default, inject })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A text, or a list of them.
#[derive(Debug, Clone)]
pub(super) struct Strings(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Strings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;
        impl<'de> Visitor<'de> for OneOrMore {
            type Value = Strings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Strings, E> {
                Ok(Strings(vec![text.to_owned()]))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Strings, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(Strings(texts))
            }
        }
        deserializer.deserialize_any(OneOrMore)
    }
}

#[cfg(test)]
mod schema {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    impl JsonSchema for super::Secret {
        fn schema_name() -> Cow<'static, str> {
            "Secret".into()
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            let table = generator.subschema_for::<super::SecretTable>();
            json_schema!({ "anyOf": [{ "type": "string", "description": "Where it is: `scheme://key`." }, table] })
        }
    }

    impl JsonSchema for super::Strings {
        fn schema_name() -> Cow<'static, str> {
            "Strings".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
        }
    }

    /// The schema that editors are given is what the types say. `SNAPSHOTS=overwrite` writes it.
    #[test]
    fn the_schema_is_that_of_the_types() {
        let schema = schemars::schema_for!(super::File);
        let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/config/ptrun.schema.json");
        if std::env::var("SNAPSHOTS").is_ok_and(|what| what == "overwrite") {
            std::fs::write(path, &text).expect("written");
        }
        let there = std::fs::read_to_string(path).expect("a schema");
        assert!(there == text, "run `SNAPSHOTS=overwrite cargo test -p ptrun`");
    }
}
