//! Entries of a bounded size: nothing is left unrecorded because something is long.

use serde::Serialize;

use crate::{AuditError, Entry, Plugin, json};

/// The longest text, in bytes of UTF-8.
const LONGEST: usize = 1024;
/// The shortest length to which texts are cut if an entry does not fit otherwise.
const SHORTEST: usize = 32;
/// How many signers of a plugin are written.
const SIGNERS: usize = 16;
/// About as many bytes as an element of a list takes at the least: more elements than fit are not looked at.
const ELEMENT: usize = 32;

/// `entry` as JSON in at most `most` bytes, if these are not less than 4 KiB. Texts are cut to 1 KiB, and further if those
/// outside of lists take more than half of the room; then the ends of lists are left out, where most is taken.
pub(crate) fn text(entry: &Entry, most: usize) -> Result<String, AuditError> {
    let mut longest = LONGEST;
    while longest > SHORTEST && json::text(&cut_all(beginning(entry, 0), longest))?.len() > most / 2 {
        longest /= 2;
    }
    let mut entry = cut_all(beginning(entry, most / ELEMENT), longest);
    loop {
        let text = json::text(&entry)?;
        let Some(excess) = text.len().checked_sub(most + 1) else { return Ok(text) };
        if !shorten(&mut entry, excess + 1)? {
            return Ok(text);
        }
    }
}

/// The entry with so many elements of each list.
fn beginning(entry: &Entry, count: usize) -> Entry {
    let Entry { time, ref event, decision, ref user, process, ref program, ref profile, repair, .. } = *entry;
    let Entry { mut omitted, ref classes, ref secrets, ref plugins, ref requests, .. } = *entry;
    Entry {
        time,
        event: event.clone(),
        decision,
        classes: first(classes, count, &mut omitted.classes),
        user: user.clone(),
        process,
        program: program.clone(),
        profile: profile.clone(),
        secrets: first(secrets, count, &mut omitted.secrets),
        plugins: first(plugins, count, &mut omitted.plugins),
        requests: first(requests, count, &mut omitted.requests),
        omitted,
        repair,
    }
}

fn first<T: Clone>(list: &[T], count: usize, omitted: &mut u64) -> Vec<T> {
    let (first, rest) = list.split_at(count.min(list.len()));
    *omitted = omitted.saturating_add(rest.len() as u64);
    first.to_vec()
}

/// Takes elements from the end of the list that takes the most space: `excess` bytes of them, but not much more than
/// half of the list, which is then perhaps not the largest any more. Says whether there was one.
fn shorten(entry: &mut Entry, excess: usize) -> Result<bool, AuditError> {
    let Entry { classes, secrets, plugins, requests, omitted, .. } = entry;
    let sizes = [length(classes)?, length(secrets)?, length(plugins)?, length(requests)?];
    let largest = sizes.iter().max().copied().unwrap_or_default();
    let excess = excess.min(largest / 2);
    let (dropped, count) = if sizes[0] == largest {
        (drop_end(classes, excess)?, &mut omitted.classes)
    } else if sizes[1] == largest {
        (drop_end(secrets, excess)?, &mut omitted.secrets)
    } else if sizes[2] == largest {
        (drop_end(plugins, excess)?, &mut omitted.plugins)
    } else {
        (drop_end(requests, excess)?, &mut omitted.requests)
    };
    *count = count.saturating_add(dropped);
    Ok(dropped > 0)
}

fn length(list: &impl Serialize) -> Result<usize, AuditError> {
    json::text(list).map(|text| text.len())
}

fn drop_end<T: Serialize>(list: &mut Vec<T>, excess: usize) -> Result<u64, AuditError> {
    let (mut dropped, mut bytes) = (0, 0);
    while bytes < excess
        && let Some(last) = list.pop()
    {
        bytes += length(&last)? + 1;
        dropped += 1;
    }
    Ok(dropped)
}

fn cut_all(mut entry: Entry, longest: usize) -> Entry {
    let cut = |text: &mut String| cut(text, longest);
    let maybe = |text: &mut Option<String>| text.iter_mut().for_each(cut);
    cut(&mut entry.event);
    maybe(&mut entry.user.name);
    maybe(&mut entry.program);
    maybe(&mut entry.profile);
    entry.classes.iter_mut().for_each(cut);
    for secret in &mut entry.secrets {
        maybe(&mut secret.name);
        cut(&mut secret.reference);
    }
    for Plugin { scheme, name, version, digest, signers } in &mut entry.plugins {
        [scheme, name, version, digest].into_iter().for_each(cut);
        let more = signers.len().saturating_sub(SIGNERS) as u64;
        entry.omitted.signers = entry.omitted.signers.saturating_add(more);
        signers.truncate(SIGNERS);
        signers.iter_mut().for_each(cut);
    }
    for request in &mut entry.requests {
        [&mut request.plugin, &mut request.method, &mut request.origin].into_iter().for_each(cut);
        maybe(&mut request.failed);
    }
    entry
}

/// Cuts a text to `longest` bytes with the mark that says how many were cut off. Longer marks are for lengths that no
/// memory holds.
fn cut(text: &mut String, longest: usize) {
    if text.len() <= longest {
        return;
    }
    // The mark of the whole length has the most digits that are needed.
    let room = longest.saturating_sub(mark(text.len()).len());
    let end = text.floor_char_boundary(room);
    let mark = mark(text.len() - end);
    text.truncate(end);
    text.push_str(&mark);
}

fn mark(bytes: usize) -> String {
    format!("…[+{bytes}]")
}

/// A text of at most 1 KiB.
pub(crate) fn short(text: &str) -> String {
    let mut text = text.to_owned();
    cut(&mut text, LONGEST);
    text
}
