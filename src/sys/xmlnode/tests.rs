// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;

/// Writes down what it hears.
#[derive(Default)]
struct Heard(Vec<String>);

impl Visitor for Heard {
    fn start(&mut self, name: &str) {
        self.0.push(format!("<{name}"));
    }
    fn attribute(&mut self, name: &str, value: &str) {
        self.0.push(format!("{name}={value}"));
    }
    fn text(&mut self, text: &str) {
        self.0.push(format!("'{text}"));
    }
    fn cdata(&mut self, content: &str) {
        self.0.push(format!("[{content}"));
    }
    fn end(&mut self) {
        self.0.push(">".to_owned());
    }
}

fn heard(node: Node<'_>) -> Vec<String> {
    let mut visitor = Heard::default();
    node.visit(&mut visitor);
    visitor.0
}

#[test]
fn a_tree_is_heard_in_the_order_of_its_text() {
    let document = Document::new("a");
    let root = document.root();
    root.set_attribute("x", "1 < 2 & \"3\"");
    let child = root.add_element("b");
    child.add_text("t & t");
    root.add_cdata("<raw>");
    root.add_element("c").add_element("d");
    let expected = "<a|x=1 < 2 & \"3\"|<b|'t & t|>|[<raw>|<c|<d|>|>|>";
    assert_eq!(heard(root).join("|"), expected);
    // A part of it is heard as itself, without what follows.
    assert_eq!(heard(child), ["<b", "'t & t", ">"]);
}

#[test]
fn attributes_are_set_changed_and_removed() {
    let document = Document::new("a");
    let root = document.root();
    assert_eq!(root.attribute("x"), None);
    root.set_attribute("x", "1");
    root.set_attribute("x", "");
    assert_eq!(root.attribute("x").as_deref(), Some(""));
    root.set_attribute("x", "caf\u{e9} \0hidden");
    assert_eq!(root.attribute("x").as_deref(), Some("caf\u{e9} "));
    root.remove_attribute("x");
    root.remove_attribute("x");
    assert_eq!(root.attribute("x"), None);
}

#[test]
fn children_are_elements_alone() {
    let document = Document::new("a");
    let root = document.root();
    root.add_text("text");
    root.add_element("b");
    root.add_element("c").set_attribute("n", "1");
    root.add_element("c").set_attribute("n", "2");
    assert_eq!(root.children().map(Node::name).collect::<Vec<_>>(), ["b", "c", "c"]);
    assert_eq!(root.child("c").and_then(|c| c.attribute("n")).as_deref(), Some("1"));
    assert!(root.child("d").is_none());
}

#[test]
fn a_copy_is_independent_of_the_original() {
    let original = Document::new("a");
    original.root().set_attribute("x", "1");
    original.root().add_element("b").add_text("t");
    let document = Document::new("outer");
    document.root().add_copy(original.root());
    original.root().set_attribute("x", "2");
    drop(original);
    assert_eq!(heard(document.root()).join("|"), "<outer|<a|x=1|<b|'t|>|>|>");
}

#[test]
fn depth_does_not_use_up_the_stack() {
    let document = Document::new("a");
    let mut node = document.root();
    for _ in 0..100_000 {
        node = node.add_element("a");
    }
    assert_eq!(heard(document.root()).len(), 200_002);
}

#[test]
fn a_pointer_is_an_element_or_nothing() {
    let document = Document::new("a");
    document.root().add_text("text");
    let root = document.root().as_raw();
    // SAFETY: NULL, a living element and its text; the document outlives them.
    unsafe {
        assert!(Node::from_raw(ptr::null_mut()).is_none());
        assert_eq!(Node::from_raw(root).unwrap().name(), "a");
        let inside = (*root.cast::<xml::xmlNode>()).children;
        assert!(Node::from_raw(inside.cast()).is_none());
    }
}
