// SPDX-License-Identifier: LGPL-2.1-or-later
//! Any file as an init script: its metadata is a document that a reader takes, and no more than the script's length
//! in the square or in escapes explains.
use pcmk_remote_rs::agents::discovery::{Metadata, Node, metadata};
use pcmk_remote_rs::agents::{AgentConfig, AgentFiles, FileFacts, NodeUnits};
use pcmk_remote_rs::model::{Agent, Params, Release};
use pcmk_remote_rs::wire::xml::read_strictly;
use std::ffi::OsString;
use std::path::Path;

/// A node with one file, whatever it is called.
struct OneFile<'a>(&'a [u8]);

impl AgentFiles for OneFile<'_> {
    fn facts(&self, _: &Path) -> Result<FileFacts, i32> {
        Ok(FileFacts { directory: false, executable: true })
    }

    fn read(&self, _: &Path, limit: usize) -> Result<Vec<u8>, i32> {
        Ok(self.0[..self.0.len().min(limit)].to_vec())
    }

    fn entries(&self, _: &Path) -> Result<Vec<OsString>, i32> {
        Ok(Vec::new())
    }
}

impl NodeUnits for OneFile<'_> {
    fn files(&self) -> Vec<String> {
        Vec::new()
    }

    fn property(&self, _: &str, _: &str) -> Option<String> {
        None
    }
}

/// Characters that XML cannot hold are written by upstream's escapes, which no reader takes.
fn has_only_characters_of_xml(text: &[u8]) -> bool {
    str::from_utf8(text).is_ok_and(|text| {
        text.chars().all(|c| !c.is_control() && c != '\u{FFFE}' && c != '\u{FFFF}' || c == '\n')
    })
}

pub fn fuzz_one(data: &[u8]) {
    let files = OneFile(data);
    let config = AgentConfig::new([].into());
    let agent = Agent { standard: "lsb".into(), provider: None, name: "script".into() };
    for release in [Release::V2_1, Release::V3_0] {
        let node = Node { release, config: &config, files: &files, units: &files };
        let Ok(Metadata::Known(document)) = metadata(&agent, &Params::new(), &node) else {
            panic!("a script that can be read has metadata");
        };
        assert!(document.len() <= 2000 + 12 * data.len());
        let text = String::from_utf8(document).expect("metadata is text");
        let start = text.find("<resource-agent ").expect("there is an element");
        if has_only_characters_of_xml(data) {
            let root = read_strictly(&text[start..]).expect("values cannot break out of their elements");
            assert_eq!((root.name.as_ref(), root.elements().count()), ("resource-agent", 6));
            assert_eq!(root.child("special").map(|special| special.elements().count()), Some(7));
        }
    }
}

/// Headers as init scripts have them.
pub fn seeds() -> Vec<Vec<u8>> {
    const WHOLE: &str = "#!/bin/sh\n### BEGIN INIT INFO\n# Provides:  a <b> & \"c\"\n# Required-Start: $remote_fs\n\
        # Required-Stop:\n# Should-Start: x\n# Should-Stop: y\n# Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n\
        # Short-Description: short\n# Description: one\n#  two\n#\tthree\n### END INIT INFO\nexit 0\n";
    ["", "#!/bin/sh\n", "### BEGIN INIT INFO\n# Provides:\u{e9}\r\n", WHOLE]
        .map(|text| text.as_bytes().to_vec())
        .into()
}
