//! Files that are made of templates: `{{ NAME }}` is the value of the secret of that name, and everything else stays
//! what it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ptrun_host::read_regular;
use zeroize::Zeroizing;

use super::Delivered;
use crate::report::Failure;
use crate::room::write_new;
use crate::user::MAX_BYTES;

/// `IN:OUT`.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    from: PathBuf,
    to: PathBuf,
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((from, to)) if !from.is_empty() && !to.is_empty() => {
                Ok(Self { from: from.into(), to: to.into() })
            }
            _ => Err("a template is `IN:OUT`, two paths".to_owned()),
        }
    }
}

/// A file that is removed when this goes.
pub(crate) struct Filled(PathBuf);

impl Drop for Filled {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Template {
    /// Writes the file, which only the user can read.
    pub(super) fn fill(&self, secrets: &[Delivered]) -> Result<Filled, Failure> {
        let text = read_regular(&self.from, MAX_BYTES).map_err(|why| {
            Failure::new(
                "inject/template",
                format!("the template `{}` cannot be read: {why}", self.from.display()),
            )
            .help("check the path before `:`")
        })?;
        let filled = fill(&text, secrets).map_err(|undefined| undefined.failure(&self.from, &text))?;
        write_new(&self.to, &filled).map_err(|why| {
            let message = format!("`{}` cannot be written: {why}", self.to.display());
            Failure::new("inject/template", message).help(
                "it is made for the run and removed after it; remove what is there, or name another path",
            )
        })?;
        Ok(Filled(self.to.clone()))
    }
}

/// A name that no secret has.
struct Undefined {
    name: String,
    at: usize,
}

impl Undefined {
    fn failure(self, path: &Path, text: &[u8]) -> Failure {
        let before = &text[..self.at];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default().len() + 1;
        Failure::new(
            "inject/template",
            format!("the template names `{}`, which is no secret of this run", self.name),
        )
        .fact("at", format!("{}:{line}:{column}", path.display()))
        .help("check the spelling, or ask for the secret with `--secret`")
    }
}

fn fill(text: &[u8], secrets: &[Delivered]) -> Result<Zeroizing<Vec<u8>>, Undefined> {
    let most: usize = secrets.iter().map(|secret| secret.value.expose().len()).sum();
    let mut filled = Zeroizing::new(Vec::with_capacity(text.len() + most));
    let mut at = 0;
    while let Some(found) = text[at..].windows(2).position(|pair| pair == b"{{") {
        let start = at + found;
        let Some((name, length)) = name_at(&text[start..]) else {
            filled.extend_from_slice(&text[at..=start]);
            at = start + 1;
            continue;
        };
        filled.extend_from_slice(&text[at..start]);
        match secrets.iter().find(|secret| secret.name.as_str() == name) {
            Some(secret) => filled.extend_from_slice(secret.value.expose()),
            None => return Err(Undefined { name: name.to_owned(), at: start }),
        }
        at = start + length;
    }
    filled.extend_from_slice(&text[at..]);
    Ok(filled)
}

/// The name in `{{ NAME }}`, and how long all of it is. Anything else in braces is none of ours.
fn name_at(text: &[u8]) -> Option<(&str, usize)> {
    let inner = text.strip_prefix(b"{{")?;
    let end = inner.windows(2).position(|pair| pair == b"}}")?;
    let name = std::str::from_utf8(&inner[..end]).ok()?.trim_matches([' ', '\t']);
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = name.starts_with(|c: char| !c.is_ascii_digit()) && name.chars().all(good);
    is_name.then_some((name, end + 4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Inject;
    use ptrun_host::SecretBytes;

    fn secrets() -> Vec<Delivered> {
        let secret = |name: &str, value: &[u8]| Delivered {
            name: name.parse().expect("a name"),
            value: SecretBytes::new(value.to_vec()),
            inject: Inject::Template,
        };
        vec![secret("A", b"one"), secret("B_2", b"\xff{{ A }}")]
    }

    fn filled(text: &str) -> Result<Vec<u8>, String> {
        fill(text.as_bytes(), &secrets()).map(|text| text.to_vec()).map_err(|why| why.name)
    }

    #[test]
    fn names_become_values_and_the_rest_stays() {
        for (text, expected) in [
            ("a={{A}} b={{ B_2 }}\n", b"a=one b=\xff{{ A }}\n" as &[u8]),
            ("", b""),
            ("{{ .Values.A }} {{ 1A }} {{}} {{ A", b"{{ .Values.A }} {{ 1A }} {{}} {{ A"),
            ("{{{A}}}", b"{one}"),
            ("{{ {{A}}", b"{{ one"),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(filled("{{ A }}\n{{ C }}"), Err("C".to_owned()));
    }
}
