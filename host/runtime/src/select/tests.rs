use super::*;

fn select(secret: &str, selector: &str) -> Result<String, SelectError> {
    let selector: Selector = selector.parse().expect("a selector");
    let selected = selector.select(&SecretBytes::new(secret.into()), None)?;
    Ok(String::from_utf8(selected.expose().to_vec()).expect("UTF-8"))
}

#[test]
fn names_and_pointers_select() {
    let secret =
        r#" {"a": "x\n\u00e9", "b": {"c": [1, {"d": null}], "": "empty"}, "e/f": true, "0": "zero"} "#;
    let cases = [
        ("a", "x\n\u{e9}"),
        ("0", "zero"),
        ("b", r#"{"c": [1, {"d": null}], "": "empty"}"#),
        ("e/f", "true"),
        ("/a", "x\n\u{e9}"),
        ("/b/c/0", "1"),
        ("/b/c/1/d", "null"),
        ("/b/", "empty"),
        ("/e~1f", "true"),
    ];
    for (selector, expected) in cases {
        assert_eq!(select(secret, selector).as_deref(), Ok(expected), "{selector}");
    }
    assert_eq!(select(r#"["x"]"#, "/0").as_deref(), Ok("x"));
    assert_eq!(select(r#"{"\u0061": 1}"#, "a").as_deref(), Ok("1"));
}

#[test]
fn what_is_not_there_is_missing() {
    for (secret, selector) in [
        (r#"{"a": 1}"#, "b"),
        (r#"{"a": 1}"#, "/a/b"),
        ("[1]", "0"),
        ("[1]", "/1"),
        ("[1]", "/00"),
        ("[1]", "/-"),
    ] {
        assert!(matches!(select(secret, selector), Err(SelectError::Missing(_))), "{secret} {selector}");
    }
}

#[test]
fn what_has_no_parts_is_said_without_repeating_it() {
    for secret in [
        "",
        "hunter2",
        "\"hunter2\"",
        "7",
        "{\"a\": hunter2",
        "{} hunter2",
        "a=1\nhunter2",
        "- hunter2\nb",
        "\u{0}",
    ] {
        let error = select(secret, "a").expect_err(secret);
        assert!(matches!(error, SelectError::NotStructured(_)), "{secret:?}: {error:?}");
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[test]
fn the_same_is_selected_in_every_format() {
    for (format, secret) in [
        ("json", r#"{"name": "x y", "number": 7, "list": ["a", "b"], "deep": {"er": "z"}}"#),
        ("yaml", "name: x y\nnumber: 7\nlist: [a, \"b\"]\ndeep:\n  er: 'z'\n"),
        ("toml", "name = \"x y\"\nnumber = 7\nlist = [\"a\", \"b\"]\n[deep]\ner = \"z\"\n"),
    ] {
        for (selector, value) in [("name", "x y"), ("number", "7"), ("/list/1", "b"), ("/deep/er", "z")] {
            assert_eq!(select(secret, selector).as_deref(), Ok(value), "{format} {selector}");
            let selector: Selector = selector.parse().expect("a selector");
            let named = selector.select(&SecretBytes::new(secret.into()), format.parse().ok());
            assert!(named.is_ok_and(|found| found.expose() == value.as_bytes()), "{format}");
        }
        assert!(matches!(select(secret, "other"), Err(SelectError::Missing(_))), "{format}");
        let parsed = |selector| {
            select(secret, selector).map(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
        };
        assert_eq!(parsed("list"), Ok(Some(serde_json::json!(["a", "b"]))), "{format}");
        assert_eq!(parsed("deep"), Ok(Some(serde_json::json!({"er": "z"}))), "{format}");
    }
}

#[test]
fn dotenv_is_read_as_the_tools_agree() {
    let secret = "\u{feff}# comment\n\nA=1\nexport B = two words # comment\r\nC='it''\nD=\"a\\n\\\"b\\\" \\$x\\q\" # c\nE=\nF=a#b\nG='line\nline'\nA=$B\nH=#\n";
    // Two quotes in a row are no way to write one.
    assert!(matches!(select(secret, "A"), Err(SelectError::NotStructured(_))));
    let secret = secret.replace("'it''", "'it'");
    for (selector, value) in [
        ("A", "$B"),
        ("B", "two words"),
        ("C", "it"),
        ("D", "a\n\"b\" $x\\q"),
        ("E", ""),
        ("F", "a#b"),
        ("G", "line\nline"),
        ("H", ""),
    ] {
        assert_eq!(select(&secret, selector).as_deref(), Ok(value), "{selector}");
    }
    for bad in ["A", "1A=x", "A B=x", "A='x", "A=\"x", "A=\"x\"y", "=x", "A=1\nB"] {
        assert!(matches!(select(bad, "A"), Err(SelectError::NotStructured(_))), "{bad:?}");
    }
}

#[test]
fn scalars_of_yaml_are_what_is_written() {
    let secret =
        "a: 0123\nb: yes\nc: 1_000\nd: 0x1F\ne: 1e3\nf: ~\ng:\nh: |\n  two\n  lines\ni: &x {k: v}\nj: *x\n";
    for (selector, value) in [
        ("a", "0123"),
        ("b", "yes"),
        ("c", "1_000"),
        ("d", "0x1F"),
        ("e", "1e3"),
        ("h", "two\nlines\n"),
        ("/j/k", "v"),
        ("j", r#"{"k":"v"}"#),
    ] {
        assert_eq!(select(secret, selector).as_deref(), Ok(value), "{selector}");
    }
    for bad in ["a: 1\na: 2", "a: 1\n---\na: 2", "a: *b", "a: [1", "? [a]\n: b"] {
        assert!(matches!(select(bad, "a"), Err(SelectError::NotStructured(_))), "{bad:?}");
    }
}

#[test]
fn formats_that_disagree_are_not_guessed() {
    // A text with its quotes in the one, without them in the other.
    for (secret, value) in [("A=1", "1"), ("A = \"x\"", "x"), ("A=true", "true")] {
        assert_eq!(select(secret, "A").as_deref(), Ok(value), "{secret}");
    }
    for secret in ["A=0x1F", "A=1_000", "A=\"\\u0041\"", "A=[1, 2]"] {
        let error = select(secret, "A").expect_err(secret);
        assert_eq!(
            error,
            SelectError::Ambiguous("A".parse().expect("a selector"), Format::Toml, Format::Dotenv)
        );
        let selector: Selector = "A".parse().expect("a selector");
        for (format, is) in
            [(Format::Toml, true), (Format::Dotenv, true), (Format::Yaml, false), (Format::Json, false)]
        {
            let named = selector.select(&SecretBytes::new(secret.into()), Some(format));
            assert_eq!(named.is_ok(), is, "{secret} {format}");
        }
    }
}

#[test]
fn a_small_text_cannot_mean_a_large_one_or_a_deep_one() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    assert_eq!(select(&bomb, "/a11/0/0/0/0/0/0/0/0/0/0/0/0").as_deref(), Ok("x"));
    assert!(matches!(select(&bomb, "a11"), Err(SelectError::Missing(_))));
    for open in ["[", "{a: "] {
        let deep = format!("a: {}", open.repeat(20_000));
        assert!(matches!(select(&deep, "a"), Err(SelectError::NotStructured(_))));
    }
    let deep = format!("a = {}{}", "[".repeat(20_000), "]".repeat(20_000));
    let selector: Selector = "a".parse().expect("a selector");
    let read = selector.select(&SecretBytes::new(deep.into_bytes()), Some(Format::Toml));
    assert_eq!(read.map(|_| ()), Err(SelectError::NotOfFormat(selector, Format::Toml)));
}
