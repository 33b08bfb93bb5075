//! `cargo xtask`: the one entry point for people and for CI. Alone, it lists its commands.

mod aws;
mod bench;
mod builtins;
mod check;
mod debian;
mod dist;
mod fuzz;
mod instructions;
mod peers;
mod python;
mod sh;
mod starts;
mod toolchain;

use std::process::ExitCode;

use sh::Result;

/// A command: its name, what it does in one line, and the function.
type Command = (&'static str, &'static str, fn(&[String]) -> Result<()>);

const COMMANDS: &[Command] = &[
    ("run", "run ptrun with the arguments after `--`, building what is missing", run),
    ("build", "build the plugins, sign them, and build ptrun with them inside", |_| build()),
    ("plugins", "build and sign the plugins alone", |_| builtins::build()),
    ("test", "run every test; with a name, one suite of them", check::test),
    ("dist", "leave ptrun and the signed plugins in target/dist", |_| dist::make()),
    ("shipped", "run the suites about the system with what `dist` leaves", |_| check::shipped()),
    ("bench", "time ptrun against its neighbours, as ratios in one run", bench::run),
    ("instructions", "count the instructions of each start, and compare with the budget", instructions::run),
    ("peers", "compare ptrun and its peers as processes, in a table", |_| peers::run()),
    ("fuzz", "fuzz each parser of untrusted bytes for SECONDS", fuzz::run),
    ("mutants", "change the trust crate in every small way, and see that a test notices", check::mutants),
    ("lint", "formatting, clippy and documentation, with every warning an error", |_| check::lint()),
    ("deny", "check licences, sources, bans and advisories of all dependencies", check::deny),
];

fn main() -> ExitCode {
    let Ok(args) = std::env::args_os()
        .skip(1)
        .map(std::ffi::OsString::into_string)
        .collect::<std::result::Result<Vec<_>, _>>()
    else {
        eprintln!("error: the arguments are not UTF-8; `cargo xtask dist` leaves a ptrun that takes them");
        return ExitCode::from(2);
    };
    if dist::is_linker() {
        return done(dist::link(&args));
    }
    let Some((name, rest)) =
        args.split_first().filter(|(name, _)| !matches!(name.as_str(), "help" | "--help" | "-h"))
    else {
        println!("Usage: cargo xtask COMMAND\n");
        for (name, help, _) in COMMANDS {
            println!("  {name:<14}{help}");
        }
        return ExitCode::SUCCESS;
    };
    let Some((_, _, command)) = COMMANDS.iter().find(|(known, _, _)| known == name) else {
        eprintln!("error: there is no command `{name}`; `cargo xtask` lists them");
        return ExitCode::from(2);
    };
    done(command(rest))
}

fn done(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<()> {
    builtins::build()?;
    sh::cargo(&["build", "--release", "--package", "ptrun"]).run()
}

fn run(args: &[String]) -> Result<()> {
    let args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    build()?;
    sh::command(sh::target("release/ptrun")).args(args).replace()
}
