//! The profile of a run, which stands for `{profile}` in references: `file://config.{profile}.encrypted`. Nothing
//! else is filled in.

use ptrun_host::SecretRef;

use crate::report::Failure;

/// What stands for the profile in a reference.
const TEMPLATE: &str = "{profile}";

/// The name of the profile, if the run has one: `--profile`, the variable `PTRUN_PROFILE`, or what files say.
#[derive(Debug, Clone)]
pub(crate) struct Profile(Option<String>);

impl Profile {
    /// Letters, digits, `-`, `_` and `.`, so that it is a part of a name, and no path.
    pub(crate) fn new(option: Option<&str>, usual: Option<&str>) -> Result<Self, Failure> {
        let variable = || std::env::var("PTRUN_PROFILE").ok().filter(|name| !name.is_empty());
        let usual = || usual.map(str::to_owned);
        let Some(name) = option.map(str::to_owned).or_else(variable).or_else(usual) else {
            return Ok(Self(None));
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.chars().all(plain) {
            let message = "the name of a profile has letters, digits, `-`, `_` and `.`, and no `.` first";
            return Err(Failure::new("usage/profile", message).help("for example `--profile staging`"));
        }
        Ok(Self(Some(name)))
    }

    /// What it is called.
    pub(crate) fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Reads a reference.
    pub(crate) fn reference(&self, text: &str) -> Result<SecretRef, Failure> {
        match &self.0 {
            Some(name) => Ok(text.replace(TEMPLATE, name).parse()?),
            None if text.contains(TEMPLATE) => {
                let message = "the reference has `{profile}` in it, and the run has no profile";
                Err(Failure::new("reference/profile", message).help("name one: `--profile staging`"))
            }
            None => Ok(text.parse()?),
        }
    }
}
