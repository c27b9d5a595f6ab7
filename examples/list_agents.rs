// SPDX-License-Identifier: LGPL-2.1-or-later
//! Lists the OCF agents of this node, each with the first line of what it says of itself.
//!
//!     cargo run --example list_agents -- [PROVIDER]

use pcmk_remote_rs::model::{Millis, Params, Release, Standard};
use pcmk_remote_rs::node_agents::NodeAgents;

fn main() {
    let provider = std::env::args().nth(1);
    let node = NodeAgents::new(Release::V3_0);
    for agent in node.agents(Some(Standard::Ocf), provider.as_deref()) {
        match node.metadata(&agent, &Params::new(), Millis(5_000)) {
            Ok(metadata) => {
                let metadata = String::from_utf8_lossy(&metadata);
                println!("{agent}: {}", short_description(&metadata).unwrap_or("no description"));
            }
            Err(problem) => println!("{agent}: {problem}"),
        }
    }
}

/// What stands in the first `shortdesc`; a program would read the document with a parser of XML.
fn short_description(metadata: &str) -> Option<&str> {
    let (_, after) = metadata.split_once("<shortdesc")?;
    let (_, text) = after.split_once('>')?;
    text.split_once('<').map(|(text, _)| text)
}
