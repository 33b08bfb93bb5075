//! Runs every `console` block of the README and the guides, and compares what is printed.

#[path = "aws/moto.rs"]
#[allow(dead_code, reason = "another suite calls it")]
mod moto;

use std::fs;
use std::process::Command;

use moto::Moto;
use ptrun_tests::{User, guest, program, root, text};
use snapbox::assert_data_eq;

/// The blocks of a page.
fn blocks(page: &str) -> Vec<String> {
    let mut parts = page.split("```console\n");
    parts.next();
    parts.filter_map(|part| part.split_once("```")).map(|(block, _)| block.to_owned()).collect()
}

/// Runs the commands of all blocks in one shell, and puts the output of each under it.
fn replay(user: &User, aws: &Moto, blocks: &[String]) -> Vec<String> {
    const MARK: &str = "\u{1}";
    const END: &str = "\u{2}";
    let mut script = String::from("exec 2>&1\n");
    let mut commands = Vec::new();
    for block in blocks {
        for line in block.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                script.push_str(&format!("printf '{MARK}'\n{command}\n"));
                commands.push(command.to_owned());
            }
        }
        script.push_str(&format!("printf '{END}'\n"));
    }
    let path = std::env::var("PATH").expect("a path");
    let bin = program();
    let bin = bin.parent().expect("a folder").display();
    let output = Command::new("sh")
        .args(["-c", &script])
        .env_clear()
        .env("PATH", format!("{bin}:{path}"))
        .env("HOME", user.home())
        .envs(aws.variables())
        .current_dir(user.home())
        .output()
        .expect("a shell");
    let mut commands = commands.iter();
    let printed = text(&output.stdout);
    let blocks = printed.split(END);
    let replayed = blocks.map(|block| {
        let outputs = block.split(MARK).skip(1);
        outputs.map(|output| format!("$ {}\n{output}", commands.next().map_or("", String::as_str))).collect()
    });
    replayed.filter(|block: &String| !block.is_empty()).collect()
}

#[test]
fn every_command_prints_what_the_page_says() {
    let mut pages = vec![root().join("README.md")];
    pages.extend(
        fs::read_dir(root().join("docs")).expect("a folder").map(|entry| entry.expect("an entry").path()),
    );
    let mut count = 0;
    let aws = Moto::start();
    for page in pages {
        let expected = blocks(&fs::read_to_string(&page).expect("a page"));
        count += expected.len();
        let user = User::new();
        user.write("greeting.wasm", guest("greeting"));
        // A reader begins without trust in anybody.
        fs::remove_file(user.home().join(".config/ptrun/trust.toml")).expect("removed");
        let replayed = replay(&user, &aws, &expected);
        assert_eq!(replayed.len(), expected.len(), "{}", page.display());
        for (replayed, expected) in replayed.into_iter().zip(expected) {
            assert_data_eq!(replayed, expected);
        }
    }
    assert!(count >= 6, "the README lost its tour: {count} blocks");
}
