//! YAML 1.2, one document. A scalar is what is written, so that no rule about types alters a secret.

use std::collections::BTreeMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle};
use zeroize::Zeroizing;

use super::node::{DEEPEST, Node};

/// The tree of a text, if it is YAML with a mapping or a list in it.
pub(super) fn read(text: &str) -> Option<Node> {
    let mut reader = Reader { parser: Parser::new_from_str(text), anchors: BTreeMap::new() };
    let mut root = None;
    loop {
        match reader.next()? {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            // A second document: which of them is meant?
            _ if root.is_some() => return None,
            event => root = Some(reader.node(event, 0)?),
        }
    }
    let root = Rc::into_inner(root?)?;
    matches!(root, Node::Map(_) | Node::List(_)).then_some(root)
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: BTreeMap<usize, Rc<Node>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<Event<'a>> {
        self.parser.next_event()?.ok().map(|(event, _)| event)
    }

    /// The node that begins with an event; `None` if the text is wrong from here on, or too deep.
    fn node(&mut self, event: Event<'a>, depth: usize) -> Option<Rc<Node>> {
        if depth > DEEPEST {
            return None;
        }
        let (node, anchor) = match event {
            Event::Alias(anchor) => return self.anchors.get(&anchor).cloned(),
            Event::Scalar(text, style, anchor, _) => {
                let text = Zeroizing::new(text.into_owned());
                (if style == ScalarStyle::Plain { Node::Plain(text) } else { Node::Text(text) }, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                let mut elements = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => break,
                        event => elements.push(self.node(event, depth + 1)?),
                    }
                }
                (Node::List(elements), anchor)
            }
            Event::MappingStart(anchor, _) => {
                let mut members: Vec<(Zeroizing<String>, Rc<Node>)> = Vec::new();
                loop {
                    let name = match self.next()? {
                        Event::MappingEnd => break,
                        Event::Scalar(name, ..) => Zeroizing::new(name.into_owned()),
                        // A key that is no text: nothing could select it.
                        _ => return None,
                    };
                    // YAML 1.2.2, section 3.2.1.1: keys are unique.
                    if members.iter().any(|(other, _)| *other == name) {
                        return None;
                    }
                    let event = self.next()?;
                    members.push((name, self.node(event, depth + 1)?));
                }
                (Node::Map(members), anchor)
            }
            _ => return None,
        };
        let node = Rc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        Some(node)
    }
}
