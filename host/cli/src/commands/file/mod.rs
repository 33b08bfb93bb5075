//! `ptrun file`: makes and changes encrypted files. Opening them for a run is the business of the plugin `file`.

mod change;
mod edit;
mod sealed;

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use ptrun_host::{SecretBytes, Selector};
use zeroize::Zeroizing;

use super::typed;
use crate::harden;
use crate::report::{Failure, Failures};
pub(crate) use sealed::keygen;
use sealed::{Sealed, Style};

/// The largest text that is sealed.
const MAX_BYTES: u64 = 64 << 20;

#[derive(Debug, Subcommand)]
pub(crate) enum FileCommand {
    /// Make a key in a new file that is yours alone
    Keygen {
        /// Where
        #[arg(default_value = ".key")]
        path: PathBuf,
    },
    /// Encrypt a file, or standard input
    Encrypt {
        /// What to encrypt; `-` is standard input
        #[arg(value_name = "PLAIN")]
        plain: PathBuf,
        /// Where to write
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        key: KeyArgs,
        /// Write what ansible-vault reads, where the key is a password
        #[arg(long)]
        vault: bool,
        /// The name of the password, for ansible-vault
        #[arg(long, value_name = "LABEL", requires = "vault")]
        vault_id: Option<String>,
    },
    /// Decrypt a file to standard output, or to a file that is yours alone
    Decrypt {
        /// The file
        file: PathBuf,
        /// Where to write
        #[arg(short, long, value_name = "PLAIN")]
        output: Option<PathBuf>,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Print one value, with nothing added
    Get {
        /// The file
        file: PathBuf,
        /// Which value: a name, or a JSON pointer
        name: Selector,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Set one value of a JSON object to what standard input has: a single line without its end, or lines as they
    /// are
    Set {
        /// The file, which is made if it is not there
        file: PathBuf,
        /// The name of the value
        name: String,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Edit what is in a file, in $VISUAL or $EDITOR, on no disk
    Edit {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Encrypt files again with a new key; the old ones stay in the file of keys until they are dropped
    RotateKey {
        /// The files
        #[arg(required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        key: KeyArgs,
        /// Make no new key, encrypt with the newest one, and drop the others
        #[arg(long)]
        drop_old: bool,
    },
}

/// Which key.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct KeyArgs {
    /// The file of keys, instead of `.key` beside the file
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

pub(crate) fn execute(command: &FileCommand) -> Result<(), Failures> {
    // It ends here, and gives nothing back.
    let _ = harden::begin();
    match command {
        FileCommand::Keygen { path } => keygen(path)?,
        FileCommand::Encrypt { plain, output, key, vault, vault_id } => {
            let text = read_plain(plain)?;
            let style = if *vault { Style::Vault(vault_id.clone()) } else { Style::Token };
            Sealed::at(output, key).write(&text, &style)?;
        }
        FileCommand::Decrypt { file, output, key } => {
            let (text, _) = Sealed::at(file, key).read()?;
            match output {
                Some(output) => sealed::write_plain(output, &text)?,
                None => print(&text)?,
            }
        }
        FileCommand::Get { file, name, key } => {
            let (text, _) = Sealed::at(file, key).read()?;
            let value = name.select(&SecretBytes::new(text.to_vec()), None);
            let value = value.map_err(|why| Failure::from(ptrun_host::SecretError::from(why)))?;
            print(value.expose())?;
        }
        FileCommand::Set { file, name, key } => {
            let value = typed("The value: ", MAX_BYTES)?;
            change::set(&Sealed::at(file, key), name, value.expose())?;
        }
        FileCommand::Edit { file, key } => edit::edit(&Sealed::at(file, key))?,
        FileCommand::RotateKey { files, key, drop_old } => change::rotate(files, key, *drop_old)?,
    }
    Ok(())
}

/// Encrypts a text into a file.
pub(crate) fn seal(path: &std::path::Path, key: &KeyArgs, text: &[u8]) -> Result<(), Failure> {
    Sealed::at(path, key).write(text, &Style::Token)
}

/// A file, or standard input.
fn read_plain(path: &std::path::Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut text = Zeroizing::new(Vec::new());
    let read = if path == std::path::Path::new("-") {
        io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut text).map(drop)
    } else {
        ptrun_host::read_regular(path, MAX_BYTES).map(|bytes| text = Zeroizing::new(bytes))
    };
    let failure = |why: String| {
        Failure::new("file/unreadable", format!("`{}` cannot be read: {why}", path.display()))
            .help("check the path; `-` is standard input")
    };
    read.map_err(|why| failure(why.to_string()))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(failure("it is too large".to_owned()));
    }
    Ok(text)
}

fn print(text: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let printed = stdout.write_all(text).and_then(|()| stdout.flush());
    printed.map_err(|why| Failure::new("system/output", format!("the text could not be printed: {why}")))
}
