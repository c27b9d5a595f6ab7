// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;
use proptest::prelude::*;

fn strict(text: &str) -> bool {
    strict::read(text, None).is_ok()
}

fn attribute(text: &str, name: &str) -> String {
    read(text).unwrap().attribute(name).unwrap().to_owned()
}

#[test]
fn well_formed_text_is_read_strictly() {
    for text in [
        "<a/>",
        " <?xml version=\"1.0\"?><a/>".trim_start(),
        "<!-- x --><a b='1' c = \"2\" ><!-- y --><b-c.d/>text &lt;&#65; <![CDATA[<&]]></a ><!-- z -->\n",
        "<größe α=\"ü\"/>",
        "<a b=\"&#10;&#x9;&amp;&quot;&apos;'>\"/>",
    ] {
        assert!(strict(text), "{text}");
    }
}

#[test]
fn what_is_not_well_formed_is_not_strict() {
    for text in [
        "",
        " ",
        "x",
        "<a",
        "<a>",
        "</a>",
        "<a></b>",
        "<a/><b/>",
        "<a/>x",
        "x<a/>",
        "<a b/>",
        "<a b=1/>",
        "<a b=\"1\"c=\"2\"/>",
        "<a b=\"1\" b=\"2\"/>",
        "<a b=\"<\"/>",
        "<a b=\"&\"/>",
        "<a b=\"&x;\"/>",
        "<a b=\"&#0;\"/>",
        "<a b=\"&#1;\"/>",
        "<a b=\"&#xD800;\"/>",
        "<a b=\"&#x;\"/>",
        "<a b=\"&lt\"/>",
        "<1/>",
        "<a 1=\"\"/>",
        "<a>&x;</a>",
        "<a>&</a>",
        "<a>]]></a>",
        "<a>\u{1}</a>",
        "<a b=\"\u{FFFF}\"/>",
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
        "<?x?><a/>",
        "<a><?x?></a>",
        "<a><!-- -- --></a>",
        "<![CDATA[x]]>",
        "<a/><?xml version=\"1.0\"?>",
        "<a b=\"1/>",
        "< a/>",
        "<a><b</a>",
        "<a/ >",
        "<a =\"\"/>",
        "<a/>&amp;",
        "<a b=\"+#43;&#+43;\"/>",
    ] {
        assert!(!strict(text), "{text}");
    }
}

#[test]
fn no_document_type_is_ever_read() {
    for text in ["<!DOCTYPE a><a/>", "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", "<a><!ENTITY x \"y\"></a>"]
    {
        assert!(matches!(read(text), Err(XmlError::Forbidden { .. })), "{text}");
        assert!(check_element(text).is_err());
    }
    // References to entities that nobody declared stay what they look like.
    assert_eq!(attribute("<a b=\"&x;\"/>", "b"), "&x;");
}

#[test]
fn values_of_old_peers_end_where_they_meant_them_to() {
    for (value, after) in [
        ("© <b>", " c=\"1\"/>"),
        ("© say \"hi\" there", "/>"),
        ("ü\nnew line \"", " c=\"1\"/>"),
        ("ü & \" = \"x", "></a>"),
        ("ü &lt; x=\"y\"z", " c=\"1\"></a>"),
        ("ü \"/> not the end", " c=\"1\"/>"),
        ("ü \"> neither", " c=\"1\"/>"),
        ("日本 <a href='x'>", "><b/></a>"),
    ] {
        let text = format!("<a first=\"0\" b=\"{value}\"{after}");
        let element = read(&text).unwrap();
        assert_eq!(element.attribute("b"), Some(unescape_for_test(value).as_str()), "{text}");
        assert_eq!(element.attribute("c").is_some(), after.contains("c="), "{text}");
    }
    // Before the first such character the value is escaped, so a quote ends it.
    assert_eq!(attribute("<a b=\"<1\"c=\"ü\"/>", "b"), "<1");
}

fn unescape_for_test(value: &str) -> String {
    value.replace("&lt;", "<")
}

#[test]
fn a_forged_attribute_does_not_replace_one_before_it() {
    let element = read("<a rc=\"1\" out=\"ü<\" rc=\"0\" x=\"\"/>").unwrap();
    assert_eq!(element.attribute("rc"), Some("1"));
}

#[test]
fn other_damage_is_repaired_or_refused() {
    assert_eq!(attribute("<a b=\"1 < 2 & 3\"/>", "b"), "1 < 2 & 3");
    assert_eq!(attribute("<a b=\"\u{1}&#2;\"/>", "b"), "\u{1}\u{2}");
    assert_eq!(attribute("<a b=\"1\"c='2'/>", "c"), "2");
    assert_eq!(attribute("<?x y?><a $b=\"1\"/>", "$b"), "1");
    assert_eq!(attribute("<a my key=\"1\" c=2/>", "key"), "1");
    assert_eq!(attribute("\u{FEFF}<a b=\"<\"/>", "b"), "<");
    for text in
        ["<a b=\"<\">", "<a b=\"<\"><b></a>", "<a b=\"<\"/><b/>", "<a b=\"<", "<a", "<", "x<a b=\"<\"/>"]
    {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let nested = |levels: usize| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
    assert!(read(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(read(&nested(MAX_DEPTH + 1)), Err(XmlError::TooMuch { what: "levels", limit: MAX_DEPTH }));
    assert!(check_element(&nested(MAX_DEPTH - 2)).is_ok());
    assert!(check_element(&nested(MAX_DEPTH - 1)).is_err());
    let wide = format!("<a>{}</a>", "<b/>".repeat(Limits::LARGE.nodes));
    assert_eq!(read(&wide), Err(XmlError::TooMuch { what: "nodes", limit: Limits::LARGE.nodes }));
    assert!(check_element(&wide).is_ok());
    let lenient = nested(300).replacen("<a>", "<a b=\"<\">", 1);
    assert!(matches!(read(&lenient), Err(XmlError::TooMuch { .. })));
}

#[test]
fn hostile_values_take_linear_time() {
    // Read in the square of their length these would take minutes.
    for text in [
        format!("<a {}/>", "b=\"é\"".repeat(40_000)),
        format!("<a b=\"é{}", "\" c".repeat(60_000)),
        format!("<a {}/>", (0..20_000).map(|n| format!("a{n}=\"\" ")).collect::<String>()),
        "<a b=\"é\" ".repeat(20_000),
        "<!-- ".repeat(40_000),
        "&".repeat(100_000),
        format!("<a>{}</a>", "&lt;".repeat(60_000)),
    ] {
        let _ = read(&text);
        let _ = check_element(&text);
    }
}

#[test]
fn text_and_cdata_survive() {
    let text = "<schemas><file path=\"x.rng\"><![CDATA[<grammar>&]]></file>a &lt; b</schemas>";
    let element = read(text).unwrap();
    let file = element.child("file").unwrap();
    assert_eq!(file.children, [Node::CData("<grammar>&".into())]);
    assert_eq!(element.to_text(), text);
    let mut writer = Writer::new();
    writer.start("a").cdata("x]]>y");
    assert_eq!(writer.finish(), "<a><![CDATA[x]]]]><![CDATA[>y]]></a>");
}

#[test]
fn blanks_before_other_text_are_part_of_it_for_both_readers() {
    for (text, content) in [
        ("<a> &lt;b</a>", Some(" <b")),
        ("<a> <!-- y -->&#32;x </a>", Some("  x ")),
        ("<a> &#32; </a>", None),
        ("<a> <b/>x</a>", Some("x")),
        ("<a> <![CDATA[y]]>x</a>", Some("x")),
    ] {
        for element in [read_strictly(text), read_leniently(text)] {
            let element = element.unwrap();
            let found = element.children.iter().find(|node| matches!(node, Node::Text(_)));
            assert_eq!(found, content.map(|content| Node::Text(content.into())).as_ref(), "{text}");
        }
    }
}

#[test]
fn only_one_descendant_counts() {
    let find = |text| read(text).unwrap().only_descendant("r").is_some();
    assert!(find("<r/>"));
    assert!(find("<a><b><r/></b></a>"));
    assert!(!find("<a><b><r/></b><r/></a>"));
    assert!(!find("<r><r/></r>"));
    assert!(!find("<a/>"));
}

#[test]
fn a_proxied_message_stays_text() {
    let inner = "<cib  a='1'><!-- c --><x b=\"&#10;\"/></cib >";
    let text = format!("<p t=\"1\"><m>{inner}<second/></m><m><third/></m></p>");
    let document = read_document(&text, "m", Limits::LARGE).unwrap();
    assert_eq!(document.payload.unwrap().as_str(), inner);
    assert!(document.root.elements().all(|child| child.children.is_empty()));
    for empty in ["<p><m/></p>", "<p><m></m></p>", "<p><m>text</m></p>", "<p/>", "<m><x/></m>"] {
        assert_eq!(read_document(empty, "m", Limits::LARGE).unwrap().payload, None, "{empty}");
    }
    // What needs repair is written anew.
    let document = read_document("<p><m><x b=\"ü<\"y\"\"/></m></p>", "m", Limits::LARGE).unwrap();
    assert_eq!(document.payload.unwrap().as_str(), "<x b=\"ü&lt;&quot;y&quot;\"/>");
    assert!(read_document("<p><m><x></m></x></p>", "m", Limits::LARGE).is_err());
}

#[test]
fn a_payload_is_exactly_one_element() {
    let check = |text| check_element(text).map(|payload| payload.as_str().to_owned());
    assert_eq!(check(" <!-- x --> <a/> <!-- y -->\n").unwrap(), "<a/>");
    assert_eq!(check("<a>\n <b/></a>").unwrap(), "<a>\n <b/></a>");
    assert_eq!(check("<a b=\"&#1;\"/>").unwrap(), "<a b=\"\u{FFFD}\"/>");
    assert_eq!(check("<a $=\"1\" b=\"2\"/>").unwrap(), "<a b=\"2\"/>");
    for bad in ["", "text", "<a/><b/>", "<a/></lrmd_ipc_msg><b/>", "</a>", "<a></lrmd_ipc_msg><x></a>", "<a>"]
    {
        assert!(check(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_is_written_is_valid_whatever_it_is() {
    let mut writer = Writer::new();
    writer.start("not a name").attribute("a b", "1").attribute("ok", "\u{0}\u{FFFE}\r\n\t<>&\"'").end();
    let text = writer.finish();
    assert_eq!(text, "<_ ok=\"\u{FFFD}\u{FFFD}&#x0D;&#x0A;&#x09;&lt;&gt;&amp;&quot;'\"/>");
    assert!(strict(&text));
    let twice = Element {
        name: "a".into(),
        attributes: vec![("b".into(), "1".into()), ("b".into(), "2".into())],
        children: vec![],
    };
    assert_eq!(twice.to_text(), "<a b=\"1\"/>");
}

#[test]
fn names_are_those_of_xml() {
    for good in ["a", "_", "a-1.b", "crm_feature_set", "größe", "a:b"] {
        assert!(is_name(good), "{good}");
    }
    for bad in ["", "1", "-a", ".a", "a b", "a=", "a\"", "a/", "a>", "×"] {
        assert!(!is_name(bad), "{bad}");
    }
}

fn element_strategy() -> impl Strategy<Value = Element<'static>> {
    let attributes = prop::collection::vec(("[a-zA-Z_ü][a-z0-9_.-]{0,8}", any::<String>()), 0..5);
    let leaf =
        ("[a-z_]{1,8}", attributes.clone()).prop_map(|(name, attributes)| build(name, attributes, vec![]));
    leaf.prop_recursive(4, 40, 5, move |inner| {
        ("[a-z_]{1,8}", attributes.clone(), prop::collection::vec(inner, 0..5))
            .prop_map(|(name, attributes, children)| build(name, attributes, children))
    })
}

fn build(
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element<'static>>,
) -> Element<'static> {
    let mut unique: Vec<(Cow<'static, str>, Cow<'static, str>)> = Vec::new();
    for (name, value) in attributes {
        if unique.iter().all(|(other, _)| *other != name) {
            unique.push((name.into(), value.into()));
        }
    }
    Element {
        name: name.into(),
        attributes: unique,
        children: children.into_iter().map(Node::Element).collect(),
    }
}

proptest! {
    #[test]
    fn written_elements_are_read_back(element in element_strategy()) {
        let text = element.to_text();
        let read = strict::read(&text, None).unwrap().root;
        prop_assert_eq!(read.to_text(), text.clone());
        // Equal but for what XML cannot carry.
        if text.find('\u{FFFD}').is_none() {
            prop_assert_eq!(&read, &element);
        }
        prop_assert_eq!(&lenient::read(&text, MAX_DEPTH).map(|element| element.to_text()), &Ok(text.clone()));
        let payload = check_element(&text).unwrap();
        prop_assert_eq!(payload.as_str(), text);
    }

    #[test]
    fn any_text_gives_a_fixed_point_or_an_error(text in "(<|>|/|\"|'|=| |a|b|&|;|lt|#|ü|!|-|\\[|\\?|</a>|<a |b=\"){0,40}") {
        if let Ok(element) = read(&text) {
            let written = element.to_text();
            let again = strict::read(&written, None).unwrap().root.to_text();
            prop_assert_eq!(again, written);
        }
        if let Ok(payload) = check_element(&text) {
            prop_assert!(strict::read(payload.as_str(), None).is_ok());
            let wrapped = format!("<p><m>{}</m></p>", payload.as_str());
            let document = strict::read(&wrapped, Some("m")).unwrap();
            prop_assert_eq!(document.payload, Some(payload));
        }
    }
}

#[test]
fn a_small_message_holds_less_and_what_is_kept_as_text_counts() {
    let many = "<x y=''/>".repeat(1 << 17);
    let message = format!("<p><m><all>{many}</all></m></p>");
    assert!(read_document(&message, "m", Limits::LARGE).unwrap().payload.is_some());
    for text in [message, format!("<p><m><all z=\"\u{e9}<\">{many}</all></m></p>")] {
        for refused in [
            read_document(&text, "m", Limits::SMALL).unwrap_err(),
            read_within(&text, Limits::SMALL).unwrap_err(),
        ] {
            assert!(matches!(refused, XmlError::TooMuch { what: "nodes", .. }), "{refused}");
        }
    }
}
