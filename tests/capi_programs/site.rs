// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where a program runs: the root directory of a release of Pacemaker, with a key, an agent and a daemon.
use crate::place::{bind, eventually};
use crate::release::Release;
use nix::mount::{MsFlags, mount};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

pub(crate) const PORT: u16 = 3121;
/// Not where upstream's library looks by itself, so that a program can do without.
const KEY: &str = "/run/test-key";
/// Where the tests' own files are seen, in every root.
const OURS: &str = "/mnt";

/// Whose daemon serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Distribution,
    Ours,
}

impl Server {
    /// Where its daemon is seen inside.
    fn program(self) -> &'static str {
        match self {
            Self::Distribution => "/run/remoted-distribution",
            Self::Ours => "/run/remoted-ours",
        }
    }
}

/// A root directory that is the test's own; see `place`.
pub(crate) struct Site {
    release: Release,
    root: PathBuf,
}

impl Site {
    /// To be called in a corner of its own.
    pub(crate) fn new(release: Release) -> Self {
        let root = own_root(&release.root());
        let site = Self { release, root };
        bind(env!("CARGO_TARGET_TMPDIR"), &site.path(OURS).display().to_string());
        fs::write(site.path(KEY), key()).unwrap();
        fs::set_permissions(site.path(KEY), fs::Permissions::from_mode(0o640)).unwrap();
        site.make_agent();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("capi-tests");
        fs::copy(sources.join("valgrind.supp"), site.path("/run/valgrind.supp")).unwrap();
        for server in [Server::Distribution, Server::Ours] {
            site.show_daemon(server);
        }
        site
    }

    /// Makes the program visible inside, since its path may lead out of the root.
    fn show_daemon(&self, server: Server) {
        let program = match server {
            Server::Distribution => self.release.remoted(),
            Server::Ours => PathBuf::from(env!("CARGO_BIN_EXE_pacemaker-remoted")),
        };
        let shown = self.path(server.program());
        // New: whatever is there already is a real daemon.
        fs::File::create_new(&shown).unwrap();
        bind(&program.display().to_string(), &shown.display().to_string());
    }

    /// The path of a file that is at `path` inside.
    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    fn make_agent(&self) {
        let directory = self.path("/usr/lib/ocf/resource.d/test");
        fs::create_dir_all(&directory).unwrap();
        let agent = directory.join("Script");
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("capi-tests/Script"), &agent).unwrap();
        fs::set_permissions(agent, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A program inside, with the environment of `capi-tests/harness.h`.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("chroot");
        command.arg(&self.root).arg(program).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        command.env("PCMK_authkey_location", KEY).env("TEST_PORT", PORT.to_string());
        command.stdin(Stdio::null());
        command
    }

    /// Starts a daemon and waits until it serves.
    pub(crate) fn serve(&self, server: Server) -> Daemon {
        self.serve_with(server, &[])
    }

    /// The same with more in its environment.
    pub(crate) fn serve_with(&self, server: Server, environment: &[(&str, &str)]) -> Daemon {
        let log = fs::File::create(self.path("/run/remoted.log")).unwrap();
        let mut command = self.command(server.program());
        command.env("PCMK_logfile", "/run/pacemaker.log").env("PCMK_dh_max_bits", "1024");
        command.envs(environment.iter().copied());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let mut daemon = Daemon(command.spawn().expect("chroot(8) is there"));
        eventually("the daemon serves", || {
            assert!(daemon.0.try_wait().unwrap().is_none(), "the daemon ended: {}", self.log());
            serves()
        });
        daemon
    }

    /// Where the daemon's log is, which all that serve here share.
    pub(crate) fn log_file(&self) -> PathBuf {
        self.path("/run/pacemaker.log")
    }

    /// What the daemon said, and programs of cases.
    pub(crate) fn log(&self) -> String {
        let text = |name| fs::read_to_string(self.path(name)).unwrap_or_default();
        ["/run/remoted.log", "/run/pacemaker.log", "/run/program.log"].map(text).concat()
    }

    /// Runs `program`, which lies in the tests' directory, on the distribution's library or on that in `library`.
    pub(crate) fn run(
        &self,
        server: Server,
        wrapper: &[&str],
        program: &Path,
        library: Option<&Path>,
    ) -> Output {
        // A directory of the same name each time: it may appear in the output.
        let directory = self.path("/run/test");
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        let program = inside(program);
        let (first, rest) = match wrapper {
            [first, rest @ ..] => (*first, rest),
            [] => (program.as_str(), &[][..]),
        };
        let mut command = self.command(first);
        if !wrapper.is_empty() {
            command.args(rest).arg(&program);
        }
        command
            .env("TEST_DIRECTORY", "/run/test")
            .env("ASAN_OPTIONS", "detect_leaks=1:detect_stack_use_after_return=1");
        if !wrapper.is_empty() {
            command.env("TEST_SLOWLY", "yes");
        }
        if server == Server::Ours {
            command.env("TEST_OURS", "yes");
        }
        if let Some(library) = library {
            command.env("LD_LIBRARY_PATH", inside(library));
            let loaded = self.loaded(&program, library);
            assert!(loaded, "{program} does not run on the library in {}", library.display());
        }
        command.output().expect("chroot(8) is there")
    }

    /// Runs `program` with a list of cases, on the distribution's library or on that in `library`; what it printed.
    pub(crate) fn run_cases(
        &self,
        program: &Path,
        library: Option<&Path>,
        environment: &[(&str, &str)],
        cases: &str,
    ) -> String {
        fs::write(self.path("/run/cases"), cases).unwrap();
        let program = inside(program);
        let mut command = self.command(&program);
        command.env("TEST_CASES", "/run/cases").env("PCMK_logfile", "/run/pacemaker.log");
        command.envs(environment.iter().copied());
        if let Some(library) = library {
            command.env("LD_LIBRARY_PATH", inside(library));
            assert!(self.loaded(&program, library), "{program} does not run on the library");
        }
        let output = command.output().expect("chroot(8) is there");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} ended with {}\n{text}\n{errors}", output.status);
        let mut log =
            fs::OpenOptions::new().append(true).create(true).open(self.path("/run/program.log")).unwrap();
        log.write_all(&output.stderr).unwrap();
        text
    }

    /// Does the program get its liblrmd from `library`?
    fn loaded(&self, program: &str, library: &Path) -> bool {
        let library = inside(library);
        let mut command = self.command("env");
        // Not for env itself, which would be listed instead.
        command.args(["LD_TRACE_LOADED_OBJECTS=1", program]).env("LD_LIBRARY_PATH", &library);
        let found = String::from_utf8(command.output().expect("chroot(8) is there").stdout).unwrap();
        found.lines().any(|line| line.contains("liblrmd.so") && line.contains(&library))
    }
}

/// What is in the tests' directory, as it is seen inside.
pub(crate) fn inside(path: &Path) -> String {
    let below = path.strip_prefix(env!("CARGO_TARGET_TMPDIR")).expect("in the tests' directory");
    format!("{OURS}/{}", below.display())
}

/// The key of all of them: as long as usual.
pub(crate) fn key() -> Vec<u8> {
    (0..4096u32).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

/// A copy of the root directory `original` that nobody else sees, or "/" itself, which `place` has made private.
fn own_root(original: &Path) -> PathBuf {
    if original == Path::new("/") {
        return original.into();
    }
    let root = PathBuf::from("/run/root");
    let [upper, work] = ["/run/changes/upper", "/run/changes/work"];
    for directory in [root.to_str().unwrap(), upper, work] {
        fs::create_dir_all(directory).unwrap();
    }
    let options = format!("lowerdir={},upperdir={upper},workdir={work}", original.display());
    mount(Some("overlay"), &root, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
        .expect("overlayfs");
    for shared in ["/dev", "/dev/shm", "/proc"] {
        bind(shared, root.join(&shared[1..]).to_str().unwrap());
    }
    fs::create_dir_all(root.join("run")).unwrap();
    for directory in ["etc/pacemaker", "etc/corosync"] {
        // No key but the test's.
        let _ = fs::remove_file(root.join(directory).join("authkey"));
    }
    for directory in ["var/lib/pacemaker/cores", "var/log/pacemaker"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    root
}

/// Does somebody listen on the port, and for local clients? Found without connecting, which clients would be told.
fn serves() -> bool {
    let listens = |table: &str| {
        fs::read_to_string(table).unwrap_or_default().lines().any(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields.len() > 3 && fields[1].ends_with(&format!(":{PORT:04X}")) && fields[3] == "0A"
        })
    };
    let local = fs::read_to_string("/proc/thread-self/net/unix").unwrap();
    // libqb's name is filled up with NULs, which are shown as "@".
    let local = local.lines().any(|line| line.contains(" @lrmd"));
    local && (listens("/proc/thread-self/net/tcp") || listens("/proc/thread-self/net/tcp6"))
}

/// A running daemon, killed in the end.
pub(crate) struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        eventually("the daemon is gone", || !serves());
    }
}
