// SPDX-License-Identifier: LGPL-2.1-or-later
//! Parameter tables: `<attributes a="1"><param name="2nd" value="2"/></attributes>`.
use crate::model::Params;
use crate::wire::names::{attribute, element};
use crate::wire::xml::{Element, Writer, is_name};

/// The table in the first `attributes` child; empty if there is none.
pub(super) fn decode(holder: &Element<'_>) -> Params {
    let Some(table) = holder.child(element::ATTRIBUTES) else { return Params::new() };
    let mut params: Params =
        table.attributes.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
    for param in table.elements().filter(|child| child.name == element::PARAM) {
        if let (Some(name), Some(value)) =
            (param.attribute(attribute::NAME), param.attribute(attribute::VALUE))
        {
            params.set(name, value);
        }
    }
    params
}

/// Writes the table, even an empty one.
pub(in crate::wire) fn encode(params: &Params, writer: &mut Writer) {
    writer.start(element::ATTRIBUTES);
    for (name, value) in params.iter().filter(|(name, _)| fits_attribute(name)) {
        writer.foreign_attribute(name, value);
    }
    for (name, value) in params.iter().filter(|(name, _)| !fits_attribute(name)) {
        writer
            .start(element::PARAM)
            .attribute(attribute::NAME, name)
            .attribute(attribute::VALUE, value)
            .end();
    }
    writer.end();
}

/// May the name stand as an attribute? Peers take a colon for a namespace.
fn fits_attribute(name: &str) -> bool {
    is_name(name) && !name.contains(':') && name != "xmlns"
}
