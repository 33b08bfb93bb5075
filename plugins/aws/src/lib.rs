//! Secrets from AWS Secrets Manager: `aws://NAME-OR-ARN`, with the SDK of AWS.
//!
//! No credential is here: the SDK signs with one that is made up, and the host signs again with the real one.

mod client;
mod failure;
mod fetch;
mod list;
mod secret_id;
mod write;

use std::collections::HashMap;

use aws_sdk_secretsmanager::Client;
use ptrun_plugin::{Config, Entries, Enumerate, Error, Secret, SecretRef, SecretSource, Writer};
use wstd::runtime::block_on;

use secret_id::{SecretId, region_of_list};

/// The regions that were asked so far, each with its client.
pub struct Aws {
    region: Option<String>,
    endpoint: Option<String>,
    clients: HashMap<String, Client>,
}

impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aws").field("region", &self.region).finish_non_exhaustive()
    }
}

impl SecretSource for Aws {
    fn configure(mut config: Config) -> Result<Self, Error> {
        let (region, endpoint) = (config.optional("region")?, config.optional("endpoint")?);
        config.finish()?;
        Ok(Self { region, endpoint, clients: HashMap::new() })
    }

    fn get(&mut self, reference: &SecretRef) -> Result<Secret, Error> {
        let id = self.id(reference)?;
        let client = self.client(&id.region);
        block_on(fetch::one(&client, &id))
    }

    fn get_many(&mut self, references: &[SecretRef]) -> Result<Vec<Result<Secret, Error>>, Error> {
        let ids: Vec<_> = references.iter().map(|reference| self.id(reference)).collect();
        for id in ids.iter().flatten() {
            self.client(&id.region);
        }
        Ok(block_on(fetch::all(&self.clients, &ids)))
    }
}

impl Enumerate for Aws {
    fn list(
        &mut self,
        prefix: &str,
        options: &[(String, String)],
        cursor: Option<&str>,
    ) -> Result<Entries, Error> {
        let region = region_of_list(options, self.region.as_deref())?;
        let client = self.client(&region);
        block_on(list::page(&client, prefix, cursor))
    }
}

impl Writer for Aws {
    fn put(&mut self, reference: &SecretRef, value: &[u8]) -> Result<Option<String>, Error> {
        let id = self.id_to_write(reference)?;
        let client = self.client(&id.region);
        block_on(write::put(&client, &id, value))
    }

    fn rotate(&mut self, reference: &SecretRef) -> Result<String, Error> {
        let id = self.id_to_write(reference)?;
        let client = self.client(&id.region);
        block_on(write::rotate(&client, &id))
    }

    fn is_current(&mut self, reference: &SecretRef, version: &str) -> Result<bool, Error> {
        let id = self.id_to_write(reference)?;
        let client = self.client(&id.region);
        block_on(write::is_current(&client, &id, version))
    }
}

impl Aws {
    fn id(&self, reference: &SecretRef) -> Result<SecretId, Error> {
        SecretId::new(reference, self.region.as_deref())
    }

    fn id_to_write(&self, reference: &SecretRef) -> Result<SecretId, Error> {
        let id = self.id(reference)?;
        match id.is_current() {
            true => Ok(id),
            false => Err(Error::invalid_ref("what is written is the current version: name none")),
        }
    }

    fn client(&mut self, region: &str) -> Client {
        let endpoint = self.endpoint.as_deref();
        self.clients.entry(region.to_owned()).or_insert_with(|| client::new(region, endpoint)).clone()
    }
}

#[cfg(feature = "component")]
ptrun_plugin::export!(Aws, manifest = "../plugin.toml", with enumerate, writer);
