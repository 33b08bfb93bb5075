//! Lists secrets.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::primitives::DateTime;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
use ptrun_plugin::{Entries, Entry, Error};

use crate::failure;

/// How many a page has at most (`ListSecrets`, `MaxResults`).
const PAGE: i32 = 100;

/// `ListSecrets`: those whose name begins with `prefix`.
pub(crate) async fn page(client: &Client, prefix: &str, cursor: Option<&str>) -> Result<Entries, Error> {
    let request = client.list_secrets().max_results(PAGE).set_next_token(cursor.map(str::to_owned));
    // The filter finds beginnings of words, too, so that what it finds is looked at.
    let filter = Filter::builder().key(FilterNameStringType::Name).values(prefix).build();
    let request = if prefix.is_empty() { request } else { request.filters(filter) };
    let answer = request.send().await.map_err(|why| failure::of(&why, "ListSecrets", "*"))?;
    let entries = answer.secret_list.unwrap_or_default().into_iter().filter_map(|secret| {
        let key = secret.name.filter(|name| name.starts_with(prefix))?;
        let description = secret.description.filter(|text| !text.is_empty());
        let changed = secret.last_changed_date.as_ref().and_then(milliseconds);
        Some(Entry { key, description, changed_at_ms: changed })
    });
    Ok(Entries { entries: entries.collect(), next: answer.next_token })
}

fn milliseconds(time: &DateTime) -> Option<u64> {
    time.to_millis().ok()?.try_into().ok()
}
