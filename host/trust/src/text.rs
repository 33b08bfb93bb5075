//! Text that a plugin wrote, or that repeats what is in its file, made fit for a terminal and a log.

/// The most characters of a plugin's text that anybody gets to read.
const MAX_CHARS: usize = 400;
/// Values shorter than this stay: taking every `e` out of a message would only tell that the value is `e`.
const MIN_SECRET: usize = 4;

/// `text` without the values in `secrets`, on one line, without control characters, and short.
#[must_use]
pub fn untrusted(text: &str, secrets: &[&[u8]]) -> String {
    let mut text = text.to_owned();
    let mut secrets: Vec<&str> =
        secrets.iter().filter_map(|secret| std::str::from_utf8(secret).ok()).collect();
    // The longest first: a value that begins with another must not leave its end behind.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in secrets.into_iter().filter(|secret| secret.len() >= MIN_SECRET) {
        text = text.replace(secret, "[secret]");
    }
    let mut end = text.char_indices().map(|(at, _)| at).skip(MAX_CHARS);
    match end.next() {
        Some(end) => escaped(&text[..end]) + "…",
        None => escaped(&text),
    }
}

/// `text` on one line, in which nothing steers a terminal.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut clean = String::new();
    for character in text.chars() {
        if character.is_control() || is_format(character) {
            clean.extend(character.escape_default());
        } else {
            clean.push(character);
        }
    }
    clean
}

/// Characters that are not seen and change how others are: marks of direction, joiners, separators of
/// lines.
pub(crate) const fn is_format(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        assert_eq!(untrusted("a\u{1b}[2Jb\nc\u{202e}d", &[]), "a\\u{1b}[2Jb\\nc\\u{202e}d");
        assert_eq!(untrusted("plain \u{e9}", &[]), "plain \u{e9}");
    }

    #[test]
    fn long_text_is_cut() {
        let cut = untrusted(&"\u{e9}".repeat(1 << 20), &[]);
        assert_eq!(cut.chars().count(), MAX_CHARS + 1);
    }

    #[test]
    fn values_are_taken_out_before_anything_is_cut() {
        let secret = "x".repeat(MAX_CHARS);
        let text = format!("it is {secret}!");
        assert_eq!(untrusted(&text, &[secret.as_bytes(), &[0xff]]), "it is [secret]!");
        assert_eq!(untrusted("eee", &[b"e"]), "eee");
        for secrets in [[b"abcd" as &[u8], b"abcdefgh"], [b"abcdefgh", b"abcd"]] {
            assert_eq!(untrusted("abcdefgh abcd", &secrets), "[secret] [secret]");
        }
    }
}
