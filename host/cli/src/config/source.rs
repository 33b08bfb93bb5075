//! A configuration file: how it is found and read, and where in it something stands.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::report::Failure;
use crate::user::MAX_BYTES;

/// Who wrote a file, and what it may therefore say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The user: `config.toml` in their folder.
    User,
    /// Whoever wrote the project.
    Project,
}

/// The text of a file.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// As it is shown.
    name: String,
    pub(super) text: String,
    pub(super) owner: Owner,
    /// The mark of UTF-8 that stood before it.
    marked: bool,
}

/// Where something stands.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    source: Arc<Source>,
    at: usize,
}

impl Place {
    pub(super) fn new(source: &Arc<Source>, span: &Range<usize>) -> Self {
        Self { source: Arc::clone(source), at: span.start }
    }

    /// The folder of the file.
    pub(crate) fn folder(&self) -> &Path {
        self.source.path.parent().unwrap_or(Path::new(""))
    }

    pub(super) fn owner(&self) -> Owner {
        self.source.owner
    }
}

/// `FILE:LINE:COLUMN`, from 1, in characters.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Source { name, text, marked, .. } = &*self.source;
        let before = text.get(..self.at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before[start..].chars().count() + 1 + usize::from(*marked && line == 1);
        write!(f, "{name}:{line}:{column}")
    }
}

impl Source {
    /// Reads a file, if there is one. One that was found and not named must be the user's, or root's: whoever can
    /// put a file above the working directory would otherwise decide what is run.
    pub(super) fn read(path: &Path, owner: Owner, named: bool) -> Result<Option<Arc<Self>>, Failure> {
        let name = shown(path);
        let bytes = match read(path, named) {
            Ok(bytes) => bytes,
            Err(Refused::Io(why)) if why.kind() == io::ErrorKind::NotFound && !named => return Ok(None),
            Err(refused) => return Err(refused.failure(&name)),
        };
        let text = String::from_utf8(bytes).map_err(|why| {
            let line = why.as_bytes()[..why.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n');
            let message = format!("`{name}` is not UTF-8");
            Failure::new("config/unreadable", message)
                .fact("at", format!("{name}:{}", line.count() + 1))
                .help("save it as UTF-8")
        })?;
        let marked = text.starts_with('\u{feff}');
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        Ok(Some(Arc::new(Self { path: path.to_owned(), name, text, owner, marked })))
    }

    /// What it is called in messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// From the working directory, if it is below it.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| path.strip_prefix(here).ok());
    below.unwrap_or(path).display().to_string()
}

/// Why a file is not read.
enum Refused {
    Io(io::Error),
    Kind(&'static str),
    Large,
    Insecure(&'static str, &'static str),
}

impl Refused {
    fn failure(self, name: &str) -> Failure {
        match self {
            Self::Io(why) if why.kind() == io::ErrorKind::NotFound => {
                Failure::new("config/not-found", format!("there is no file `{name}`"))
                    .help("check the path after `--config`, or write one with `ptrun init`")
            }
            Self::Io(why) => Failure::new("config/unreadable", format!("`{name}` cannot be read: {why}"))
                .help("check who may read it, or name another with `--config`"),
            Self::Kind(kind) => Failure::new("config/unreadable", format!("`{name}` is {kind}"))
                .help("put a file there, or name another with `--config`"),
            Self::Large => Failure::new("config/too-large", format!("`{name}` has over {MAX_BYTES} bytes"))
                .help("it holds references and no data; check that it is the right file"),
            Self::Insecure(why, help) => {
                Failure::new("config/insecure", format!("`{name}` is not used: {why}"))
                    .help(help.replace("FILE", name))
            }
        }
    }
}

impl From<io::Error> for Refused {
    fn from(why: io::Error) -> Self {
        Self::Io(why)
    }
}

fn read(path: &Path, named: bool) -> Result<Vec<u8>, Refused> {
    let flags = rustix::fs::OFlags::NONBLOCK;
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Refused::Kind(if metadata.is_dir() { "a folder" } else { "no regular file" }));
    }
    if metadata.mode() & 0o002 != 0 {
        return Err(Refused::Insecure("everybody may write it", "mend that: `chmod o-w FILE`"));
    }
    let user = rustix::process::geteuid().as_raw();
    if !named && metadata.uid() != user && metadata.uid() != 0 {
        let help = "if you mean it, name it: `--config FILE`";
        return Err(Refused::Insecure("it belongs to another user", help));
    }
    if metadata.len() > MAX_BYTES {
        return Err(Refused::Large);
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES { Err(Refused::Large) } else { Ok(bytes) }
}
