//! Words for a shell, in the commands that messages suggest.

/// One word, whatever is in it; quoted only if it must be.
pub(crate) fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn a_shell_reads_back_what_was_meant() {
        for text in ["a", "", "./a b.wasm", "env={key}", "it's", "$HOME", "a\nb", "sha256:0", "~", "*"] {
            let script = format!("printf %s {}", word(text));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("a shell");
            assert_eq!(output.stdout, text.as_bytes(), "{script}");
        }
        assert_eq!(word("./vault.wasm"), "./vault.wasm");
    }
}
