// SPDX-License-Identifier: LGPL-2.1-or-later
//! The two releases of Pacemaker: where the distribution's are, and programs and libraries that are made for them.
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// A release, as `tests/roots` calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Release {
    V2_1,
    V3_0,
}

/// How a program is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Build {
    Plain,
    Sanitized,
}

impl Release {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V2_1 => "2.1",
            Self::V3_0 => "3.0",
        }
    }

    fn soname(self) -> &'static str {
        match self {
            Self::V2_1 => "liblrmd.so.28",
            Self::V3_0 => "liblrmd.so.52",
        }
    }

    /// Of Pacemaker's own library, which some programs use beside liblrmd.
    fn common_soname(self) -> &'static str {
        match self {
            Self::V2_1 => "libcrmcommon.so.34",
            Self::V3_0 => "libcrmcommon.so.68",
        }
    }

    pub(crate) fn root(self) -> PathBuf {
        PathBuf::from(roots(&[self.name()]))
    }

    pub(crate) fn remoted(self) -> PathBuf {
        PathBuf::from(roots(&["--remoted", self.name()]))
    }

    /// `capi-tests/NAME.c` as a program for this release, compiled with the distribution's headers and linked with
    /// its library.
    pub(crate) fn program(self, name: &str, build: Build) -> PathBuf {
        once(&format!("program {name} {self:?} {build:?}"), || {
            let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("capi-programs").join(self.name());
            std::fs::create_dir_all(&directory).unwrap();
            let binary = directory.join(format!("{name}-{build:?}").to_lowercase());
            let source =
                Path::new(env!("CARGO_MANIFEST_DIR")).join("capi-tests").join(name).with_extension("c");
            let mut command = Command::new("cc");
            command.args(["-g", "-Wall", "-Wextra", "-Werror", "-I", &roots(&["--headers", self.name()])]);
            command.args(
                output(Command::new("pkg-config").args(["--cflags", "glib-2.0", "libxml-2.0"]))
                    .split_whitespace(),
            );
            if build == Build::Sanitized {
                command.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]);
            }
            command.arg("-o").arg(&binary).arg(source);
            // What they need is found where the program runs.
            command.args(["-Wl,--allow-shlib-undefined", "-Wl,--as-needed"]);
            let libraries = self.root().join("usr/lib/x86_64-linux-gnu");
            command.args([self.soname(), self.common_soname()].map(|soname| libraries.join(soname)));
            command.args(["-lglib-2.0", "-lxml2", "-lqb"]);
            output(&mut command);
            binary
        })
    }

    /// The directory with our library in place of the distribution's; `PCMK_TEST_LIBRARIES` names a directory with
    /// others, as `make dropin` makes it.
    pub(crate) fn our_library(self) -> PathBuf {
        once(&format!("library {self:?}"), || {
            let directory =
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("capi-programs/dropin").join(self.name());
            if let Some(made) = std::env::var_os("PCMK_TEST_LIBRARIES") {
                std::fs::create_dir_all(&directory).unwrap();
                let library = Path::new(&made).join(self.name()).join(self.soname());
                std::fs::copy(library, directory.join(self.soname())).unwrap();
                return directory;
            }
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/build-library");
            let mut command = Command::new(script);
            output(command.args(["dropin", self.name()]).arg(&directory).env("CARGO", env!("CARGO")));
            directory
        })
    }
}

fn roots(arguments: &[&str]) -> String {
    once(&format!("roots {arguments:?}"), || {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/roots");
        PathBuf::from(output(Command::new(program).args(arguments)).trim_end())
    })
    .display()
    .to_string()
}

/// Does things once for all tests, which run at the same time; what is under way is waited for.
fn once(name: &str, make: impl FnOnce() -> PathBuf) -> PathBuf {
    type Made = &'static std::sync::OnceLock<PathBuf>;
    static MADE: Mutex<Option<HashMap<String, Made>>> = Mutex::new(None);
    let cell = {
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        let made = made.get_or_insert_with(HashMap::new);
        *made.entry(name.to_owned()).or_insert_with(|| Box::leak(Box::default()))
    };
    cell.get_or_init(make).clone()
}

/// What a program prints; it has to end well.
fn output(command: &mut Command) -> String {
    let result = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(result.status.success(), "{command:?}: {}\n{}", result.status, text(&result.stderr));
    text(&result.stdout)
}
