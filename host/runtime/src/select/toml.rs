//! TOML 1.0.

use std::rc::Rc;

use toml::Value;
use zeroize::Zeroizing;

use super::node::Node;

/// The tree of a text, if it is TOML with something in it.
pub(super) fn read(text: &str) -> Option<Node> {
    let table: toml::Table = text.parse().ok()?;
    (!table.is_empty()).then(|| map(table))
}

fn map(table: toml::Table) -> Node {
    let member = |(name, value)| (Zeroizing::new(name), Rc::new(node(value)));
    Node::Map(table.into_iter().map(member).collect())
}

fn node(value: Value) -> Node {
    match value {
        Value::String(text) => Node::Text(Zeroizing::new(text)),
        Value::Array(elements) => {
            Node::List(elements.into_iter().map(|value| Rc::new(node(value))).collect())
        }
        Value::Table(table) => map(table),
        other => Node::Plain(Zeroizing::new(other.to_string())),
    }
}
