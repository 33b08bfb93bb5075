//! The classes that no other module here shows; and that none is missing.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use ptrun_tests::{User, root, text};
use snapbox::data::Inline;
use snapbox::{assert_data_eq, str};

use crate::{classes, sources};

/// A shell script in the home folder of a user, in which `$P` is `ptrun`, and the first error that it says.
struct Case {
    before: fn(&User),
    script: &'static str,
    expected: Inline,
}

fn case(script: &'static str, expected: Inline) -> Case {
    Case { before: |_| {}, script, expected }
}

fn with(before: fn(&User), script: &'static str, expected: Inline) -> Case {
    Case { before, script, expected }
}

/// Runs a command of ptrun that must go well.
fn good(user: &User, args: &[&str]) {
    let output = user.run(args.iter().copied());
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
}

/// A key, and a file that it opens.
fn sealed(user: &User) {
    good(user, &["file", "keygen"]);
    user.write("plain", "text");
    good(user, &["file", "encrypt", "plain", "-o", "sealed"]);
}

/// A file that Python encrypted at another time, in seconds.
fn sealed_at(user: &User, seconds: u64) {
    good(user, &["file", "keygen"]);
    let program = "import sys; from cryptography.fernet import Fernet; key = open('.key').read().strip(); \
                   sys.stdout.buffer.write(Fernet(key).encrypt_at_time(b'text', int(sys.argv[1])))";
    let mut python = Command::new(root().join("target/python/bin/python"));
    let output = python.args(["-c", program, &seconds.to_string()]).current_dir(user.home()).output();
    user.write("sealed", output.expect("python").stdout);
}

fn cases() -> Vec<Case> {
    vec![
        with(
            |user| drop(user.write("ptrun.toml", "audit = \"off\"\n")),
            "$P -- true",
            str![[r#"
error[config/not-here]: `audit` is for you to say, and not for a project
  at: ptrun.toml:1:9
  help: put it into `config.toml` in `$XDG_CONFIG_HOME/ptrun`, or on the command line

"#]],
        ),
        with(
            |user| drop(user.install("json")),
            "$P --cache /proc/none plugin compile ./json.wasm",
            str![[r#"
error[cache/unusable]: compiled code is not kept: `/proc/none` cannot be used: No such file or directory (os error 2)
  help: mend that, or name another folder: `--cache PATH`

"#]],
        ),
        case(
            "$P file decrypt none",
            str![[r#"
error[file/unreadable]: `none` cannot be read: No such file or directory (os error 2)
  help: check the path, and that you may read it

"#]],
        ),
        with(
            sealed,
            "$P file keygen",
            str![[r#"
error[file/unwritable]: `.key` cannot be made: File exists (os error 17)
  help: a key is never overwritten: `ptrun file rotate-key` makes another

"#]],
        ),
        with(
            sealed,
            "EDITOR=false $P file edit sealed",
            str![[r#"
error[file/edit]: the editor failed: exit status: 1
  help: nothing was changed; set $VISUAL or $EDITOR to an editor that waits

"#]],
        ),
        with(
            |user| {
                sealed(user);
                user.write("editor", "echo mine >\"$1\"; echo theirs | $P file encrypt - -o sealed\n");
            },
            "EDITOR='sh editor' $P file edit sealed",
            str![[r#"
error[file/conflict]: somebody else changed `sealed` meanwhile
  help: your text is encrypted in `sealed.edited`

"#]],
        ),
        with(
            |user| drop(user.write("vault.yml", "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  00\n")),
            "$P file decrypt vault.yml",
            str![[r#"
error[file/inline]: `vault.yml` has single values that are encrypted
  help: use `ansible-vault` to change it; a run can read it

"#]],
        ),
        case(
            "AWS_REGION=us-east-1 $P --offline -s A=aws://x -- true",
            str![[r#"
error[grant/offline]: a plugin would send requests, and this run is offline
  plugin: aws
  help: leave out `--offline`, or take the secret from a file

"#]],
        ),
        case(
            "bash -c 'trap \"\" XFSZ; ulimit -f 0; $P --audit off -s A=env://HOME --inject fd -- true'",
            str![[r#"
error[inject/memory]: no file in memory could be made: File too large (os error 27)
  secret: A
  help: check what is left of the memory, or deliver it in a variable: `inject = "env"`

"#]],
        ),
        with(
            |user| {
                sealed(user);
                user.write("plain", b"\xff");
                good(user, &["file", "encrypt", "plain", "-o", "sealed"]);
            },
            "$P -s A=file://sealed --inject stdin -- true",
            str![[r#"
error[inject/not-unicode]: the value is not UTF-8, which no JSON can hold
  secret: A
  help: deliver it in a file: `inject = "file"`

"#]],
        ),
        case(
            "echo '{{ B }}' >in; $P -s A=env://HOME --template in:out -- true",
            str![[r#"
error[inject/template]: the template names `B`, which is no secret of this run
  at: in:1:1
  help: check the spelling, or ask for the secret with `--secret`

"#]],
        ),
        with(
            |user| good(user, &["key", "generate", "acme"]),
            "$P key generate acme",
            str![[r#"
error[key/exists]: there is a key `[HOME]/.config/ptrun/keys/acme` already
  help: give the new one another name

"#]],
        ),
        case(
            "$P key generate a/b",
            str![[r#"
error[key/name]: the name of a key is the name of a file, without a folder
  help: for example `ptrun key generate acme`

"#]],
        ),
        case(
            "echo x >file; XDG_CONFIG_HOME=$PWD/file $P key generate acme",
            str![[r#"
error[key/unwritable]: the key `[HOME]/file/ptrun/keys/acme` cannot be written: Not a directory (os error 20)
  help: check the folder, and that there is space

"#]],
        ),
        case(
            "$P key generate acme --passphrase",
            str![[r#"
error[key/passphrase]: there is no terminal to ask for a passphrase
  help: try again, on a terminal

"#]],
        ),
        case(
            "echo x >key.pub; $P key trust key.pub --for 'acme/*'",
            str![[r#"
error[key/unreadable]: this is not a key that ptrun can read
  file: key.pub
  help: a key for Ed25519, of OpenSSH, as PEM, or of wasmsign2

"#]],
        ),
        case(
            "$P key trust 0000000000000000000000000000000000000000000000000000000000000000 --for 'acme/*'",
            str![[r#"
error[key/weak]: this key is weak: it accepts signatures that nobody made
  help: nobody should use such a key

"#]],
        ),
        with(
            |user| {
                let key = user.key.public().to_string();
                good(user, &["key", "revoke", &key]);
                user.write("key", key);
            },
            "$P key trust $(cat key) --for 'acme/*'",
            str![[r#"
error[key/revoked]: you revoked this key
  key: [KEY]
  help: if that was a mistake, take the entry with `revoked` out of your trust store by hand

"#]],
        ),
        with(
            |user| {
                sealed(user);
                let mode = fs::Permissions::from_mode(0o644);
                fs::set_permissions(user.home().join(".key"), mode).expect("permissions");
            },
            "$P get file://sealed",
            str![[r#"
error[key/insecure]: the key `.key` is no secret: others may read it
  reference: file://sealed
  help: make it yours alone: `chmod 600 .key`

"#]],
        ),
        with(
            sealed,
            "rm .key; $P get file://sealed",
            str![[r#"
error[key/not-found]: there is no key at `.key`
  reference: file://sealed
  help: put it there, or name it: `?key=PATH` in the reference, or `--unlock ALIAS=SCHEME://KEY`

"#]],
        ),
        with(
            |user| drop(user.install("json")),
            "cd /proc; $P plugin lock $HOME/json.wasm",
            str![[r#"
error[lock/unwritable]: the lock file `/proc/ptrun.lock` cannot be written: No such file or directory (os error 2)
  help: check the folder; with `--locked` it is only read

"#]],
        ),
        with(
            sealed,
            "head -c 60 sealed >cut; $P get file://cut",
            str![[r#"
error[secret/altered]: the file is cut off or altered
  reference: file://cut
  help: restore the file from a copy

"#]],
        ),
        with(
            sealed,
            ": >empty; $P get file://empty",
            str![[r#"
error[secret/empty]: the file is empty
  reference: file://empty
  help: write the file again

"#]],
        ),
        with(
            |user| sealed_at(user, 1_000_000_000),
            "$P get file://sealed?ttl=60",
            str![[r#"
error[secret/expired]: the file was encrypted longer ago than it may
  reference: file://sealed?ttl=60
  help: encrypt the file again, or allow it to be older with `?ttl=`

"#]],
        ),
        with(
            |user| sealed_at(user, 4_000_000_000),
            "$P get file://sealed",
            str![[r#"
error[secret/future]: the file was encrypted in the future: one of two clocks is wrong
  reference: file://sealed
  help: set the clock of this machine, or encrypt the file again

"#]],
        ),
        with(
            sealed,
            "$P get file://plain",
            str![[r#"
error[secret/not-encrypted]: the file is not encrypted, as a Fernet token or with ansible-vault
  reference: file://plain
  help: encrypt the file first

"#]],
        ),
        with(
            sealed,
            "rm .key; $P file keygen; $P get file://sealed",
            str![[r#"
error[secret/wrong-key]: the key is another one than the file was encrypted with, or the file was altered
  reference: file://sealed
  help: name the key that the file was encrypted with

"#]],
        ),
        case(
            "AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x $P get aws://x",
            str![[r#"
error[secret/no-region]: no region is set
  reference: aws://x
  help: set AWS_REGION, or `region` in the profile, or add `?region=`

"#]],
        ),
        with(
            |user| drop(user.install("endless")),
            "$P list --plugin endless guest://",
            str![[r#"
error[secret/too-many]: there are more secrets than one list has
  help: list a longer prefix

"#]],
        ),
        with(
            |user| {
                user.copy("json");
                good(user, &["key", "generate", "key"]);
            },
            "printf x | dd of=json.wasm bs=1 seek=9000 conv=notrunc 2>/dev/null; $P plugin sign json.wasm --key key",
            str![[r#"
error[sign/altered]: the component is signed already, and was altered since
  help: build it again, and sign that

"#]],
        ),
        case(
            "$P --plugin env --credential env=@none -s A=env://HOME -- true",
            str![[r#"
error[grant/credential]: the credential in `none` cannot be read: No such file or directory (os error 2)
  help: check the path, and that you may read it

"#]],
        ),
        case(
            "$P --plugin env --credential env -s A=env://HOME -- true",
            str![[r#"
error[usage/credential]: a credential is `ALIAS=SCHEME://KEY`, `ALIAS=@FILE` or `ALIAS=ask`
  help: for example `--credential vault=env://VAULT_TOKEN`

"#]],
        ),
        with(
            |user| drop(user.install("http")),
            "$P --plugin http --allow guest:http=http://127.0.0.1:1 -s A=guest://http://127.0.0.1:2/ -- true",
            str![[r#"
error[grant/request]: a request of the plugin `hostile/http` was not sent: the origin is not granted: 127.0.0.1:2
  help: if the plugin may, add `--allow ALIAS:http=ORIGIN`; or `ALIAS:network=RANGE`, for addresses that are not public

"#]],
        ),
        with(
            |user| drop(user.install("sleep")),
            "$P --plugin sleep --timeout 100ms -s A=guest://x -- true",
            str![[r#"
error[secret/timeout]: the secrets were not there within 100ms
  help: allow more time: `--timeout 30s`

"#]],
        ),
        with(
            |user| {
                user.write("bare.wasm", wat::parse_str("(component)").expect("a component"));
                good(user, &["key", "generate", "key"]);
            },
            "$P plugin sign bare.wasm --key key",
            str![[r#"
error[sign/manifest]: the component has no manifest
  help: give one with `--manifest plugin.toml`

"#]],
        ),
        with(
            |user| {
                user.copy("json");
                good(user, &["key", "generate", "key"]);
            },
            "$P plugin sign json.wasm --key key -o /proc/json.wasm",
            str![[r#"
error[sign/unwritable]: `/proc/json.wasm` cannot be written: No such file or directory (os error 2)
  help: check the folder, and that there is space

"#]],
        ),
        case(
            "unset HOME; $P key generate acme",
            str![[r#"
error[system/home]: there is no folder for your settings
  help: set the variable HOME

"#]],
        ),
        case(
            "head -c 70000 /dev/zero | AWS_REGION=us-east-1 $P set aws://x",
            str![[r#"
error[system/input]: the value could not be read: it has over 65536 bytes
  help: give it to standard input: `ptrun set REF < FILE`

"#]],
        ),
        case(
            "$P plugin list >/dev/full",
            str![[r#"
error[system/output]: the output could not be written: No space left on device (os error 28)

"#]],
        ),
        case(
            "AWS_ENDPOINT_URL=nonsense AWS_REGION=us-east-1 $P get aws://x",
            str![[r#"
error[usage/endpoint]: `nonsense` is no URL of a server
  help: set AWS_ENDPOINT_URL, or `endpoint_url` in the profile, to `http://HOST:PORT`

"#]],
        ),
        case(
            "$P --exec -s A=env://HOME --inject file -- true",
            str![[r#"
error[usage/exec]: files are removed by the parent of the command
  help: leave out `--exec`, or use `--inject fd`

"#]],
        ),
        case(
            "$P explain --iam -s A=env://HOME",
            str![[r#"
error[usage/iam]: there is no policy: no reference is to AWS Secrets Manager
  help: name some: `ptrun explain --iam -s NAME=aws://SECRET`

"#]],
        ),
        case(
            "$P --profile a/b -s A=env://HOME -- true",
            str![[r#"
error[usage/profile]: the name of a profile has letters, digits, `-`, `_` and `.`, and no `.` first
  help: for example `--profile staging`

"#]],
        ),
        case(
            "$P --plugin env --unlock env=env://HOME -s A=env://HOME -- true",
            str![[r#"
error[usage/unlock]: the plugin `env` asks for no key
  help: `--credential` is for keys that sign requests

"#]],
        ),
    ]
}

#[test]
fn each_of_the_rest_is_said_in_words() {
    for Case { before, script, expected } in cases() {
        let user = User::new();
        before(&user);
        let ptrun = user.ptrun();
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).current_dir(user.home()).env_clear();
        shell.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", user.home());
        shell.env("P", ptrun.get_program()).env("AWS_EC2_METADATA_DISABLED", "true");
        let output = shell.stdin(std::process::Stdio::null()).output().expect("a shell");
        assert_eq!(output.status.code(), Some(125), "{script}: {}", text(&output.stderr));
        let said = text(&output.stderr).replace(user.home().to_str().expect("text"), "[HOME]");
        let said = said.replace(&user.key.public().to_string(), "[KEY]");
        assert_data_eq!(said, expected);
    }
}

/// What nobody can be shown, and why.
const NOT_SHOWN: [(&str, &str); 5] = [
    ("system/defect", "ptrun would have to be defective: `a_panic_is_an_error_without_its_text`"),
    ("system/engine", "the engine would have to refuse its own settings"),
    ("system/entropy", "the kernel would have to be without randomness"),
    ("system/runtime", "the kernel would have to be without threads, timers or signals"),
    ("system/tls", "the program would have to be without certificates"),
];

#[test]
fn every_class_is_shown() {
    let suites = sources(&root().join("tests/suites"));
    let shown: String = suites.iter().map(|path| fs::read_to_string(path).unwrap_or_default()).collect();
    let missing: BTreeSet<String> =
        classes().into_iter().filter(|class| !shown.contains(&format!("error[{class}]: "))).collect();
    let known: BTreeSet<String> = NOT_SHOWN.iter().map(|(class, _)| (*class).to_owned()).collect();
    assert_eq!(missing, known, "each class has a snapshot, or a reason why not");
}
