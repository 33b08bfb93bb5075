//! What is timed, in the order of the table.

use std::path::{Path, PathBuf};

use super::backend;
use super::case::Case;
use super::user::{self, BACKENDS, FILE, LARGE, THIRD};
use crate::aws::{self, Aws};
use crate::peers;
use crate::sh::{self, Result};

pub(super) const TRUE: &str = "true";
pub(super) const SECRETSPEC: &str = "secretspec run";
pub(super) const ENV: &str = "ptrun, env plugin";
pub(super) const ENV_FIRST: &str = "ptrun, env plugin, first run ever";
pub(super) const ENCRYPTED: &str = "ptrun, file plugin, 10 KB";
pub(super) const AWS: &str = "ptrun, aws plugin";
pub(super) const NATIVE: &str = "native program, AWS SDK";
pub(super) const COMMAND: &str = "aws get-secret-value";
pub(super) const THIRD_FIRST: &str = "third party, 2 MB, first run ever";
pub(super) const FIVE: &str = "5 plugins, 50 secrets, each 50 ms away";

/// All that a user has of their own.
const HOME: [&str; 5] = ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"];
/// Every how many rounds what takes a quarter of a second is run, and what takes more than one.
const SLOW: usize = 10;
const SLOWER: usize = 20;

/// Those that can be timed here, and what is missing for the others.
pub(super) fn all(ptrun: &Path, native: &Path, server: &Aws) -> Result<(Vec<Case>, Vec<String>)> {
    let mut variables = user::variables();
    variables.extend(server.variables());
    let case = |name, program: &Path, args: &[&str]| Case::program(name, program, args, &variables);
    let mut missing = Vec::new();

    let coreutils = |name| in_path(name).ok_or_else(|| format!("there is no `{name}`"));
    let mut cases =
        vec![case(TRUE, &coreutils("true")?, &[]), case("env true", &coreutils("env")?, &["true"])];
    match envdir()? {
        Some((name, program, args)) => {
            cases.push(Case::program(name, &program, &args, &variables));
        }
        None => missing.push("envdir: not installed".to_owned()),
    }
    for (peer, refusal) in peers::installed(&sh::target("bench/peers"))? {
        match refusal {
            Some(why) => missing.push(format!("{}: {why}", peer.name)),
            None => {
                // The others run on Node.js.
                let every = if peer.name == SECRETSPEC { 1 } else { SLOW };
                cases.push(Case::new(peer.name, move || peer.command(&["true"])).every(every));
            }
        }
    }

    let env = ["--plugin", "env", "-s", "SECRET=env://PTBENCH_SECRET", "--", "true"];
    let unrecorded = [&["--audit", "off"], env.as_slice()].concat();
    let secret = format!("SECRET=aws://{}", aws::SECRET);
    let (third, of_third) = (format!("third={THIRD}"), format!("SECRET=third://{}", aws::SECRET));
    let third = ["--plugin", &third, "-s", &of_third, "--", "true"];
    let get = ["secretsmanager", "get-secret-value", "--output", "text", "--secret-id", aws::SECRET];
    cases.extend([
        case("ptrun --version", ptrun, &["--version"]),
        case(ENV, ptrun, &env),
        case(ENV_FIRST, ptrun, &env).fresh(&HOME),
        case("ptrun, env, no record", ptrun, &unrecorded),
        case(ENCRYPTED, ptrun, &["-s", FILE, "--", "true"]),
        case("ptrun, verify 2 MB", ptrun, &["plugin", "verify", LARGE]),
        case(AWS, ptrun, &["--plugin", "aws", "-s", &secret, "--", "true"]),
        case(NATIVE, native, &[aws::SECRET, "true"]),
        case(COMMAND, &sh::target("python/bin/aws"), &get).every(SLOW),
        case(THIRD_FIRST, ptrun, &third).fresh(&["XDG_CACHE_HOME"]).every(SLOWER),
        case("third party, 2 MB, warm", ptrun, &third),
        Case::program(FIVE, ptrun, &five()?, &variables),
    ]);
    Ok((cases, missing))
}

/// Five plugins, each with a server of its own, and ten secrets of each.
fn five() -> Result<Vec<String>> {
    let mut args = Vec::new();
    for (plugin, path) in (1..).zip(BACKENDS) {
        let origin = format!("http://127.0.0.1:{}", backend::start()?);
        args.extend(["--plugin".to_owned(), format!("b{plugin}={path}")]);
        args.extend(["--allow".to_owned(), format!("b{plugin}:http={origin}")]);
        for secret in 0..10 {
            let reference = format!("b{plugin}://{origin}/{secret}");
            args.extend(["-s".to_owned(), format!("SECRET_{plugin}_{secret}={reference}")]);
        }
    }
    args.extend(["--", "true"].map(str::to_owned));
    Ok(args)
}

/// The smallest program that does such a thing at all: that of daemontools, or of runit. Values are in the files of
/// a folder.
fn envdir() -> Result<Option<(&'static str, PathBuf, Vec<String>)>> {
    let (name, program, option) = match (in_path("envdir"), in_path("chpst")) {
        (Some(program), _) => ("envdir true", program, None),
        (None, Some(program)) => ("chpst -e true", program, Some("-e")),
        (None, None) => return Ok(None),
    };
    let folder = sh::target("bench/envdir");
    user::folder(&folder)?;
    sh::write(&folder.join("SECRET"), "value\n")?;
    let folder = folder.display().to_string();
    let args = option.into_iter().chain([folder.as_str(), "true"]).map(str::to_owned).collect();
    Ok(Some((name, program, args)))
}

/// Where a program is: a process that is to look for it itself takes longer to start.
fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
