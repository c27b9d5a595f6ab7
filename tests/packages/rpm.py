# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the RPM packages have, run, need and offer, as rpm itself tells of the files."""

import glob
import os
import re
import subprocess
import tempfile

PACKAGING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../packaging/rpm/")
DAEMON, TOOL, EXECD = "pcmk-remote-rs", "pcmk-remote-rs-tool", "pcmk-remote-rs-execd"
LIBRARY, DEVEL, DROPINS = "libpcmk-remote-rs0", "libpcmk-remote-rs-devel", "pcmk-remote-rs-dropins"
FILES = {
    DAEMON: ("/etc/sysconfig/pacemaker", "/usr/sbin/pacemaker-remoted", "/usr/sbin/pacemaker_remoted",
             "/usr/lib/systemd/system/pacemaker_remote.service", "/usr/lib/tmpfiles.d/pacemaker-remoted.conf",
             "/usr/share/man/man8/pacemaker-remoted.8", "/usr/share/man/man8/pacemaker_remoted.8"),
    TOOL: ("/usr/bin/pcmk-remote", "/usr/share/man/man8/pcmk-remote.8"),
    EXECD: ("/usr/libexec/pcmk-remote-rs", "/usr/libexec/pcmk-remote-rs/pacemaker-execd",
            "/usr/share/man/man8/pacemaker-execd.8"),
    LIBRARY: ("/usr/lib64/libpcmk-remote-rs.so.0",),
    DEVEL: ("/usr/include/pcmk-remote-rs", "/usr/include/pcmk-remote-rs.h",
            "/usr/include/pcmk-remote-rs-server.h", "/usr/lib64/libpcmk-remote-rs.a",
            "/usr/lib64/libpcmk-remote-rs.so", "/usr/lib64/pkgconfig/pcmk-remote-rs.pc"),
    DROPINS: ("/usr/bin/with-pcmk-remote-rs", "/usr/lib64/pcmk-remote-rs",
              "/usr/share/man/man8/with-pcmk-remote-rs.8"),
}
FILES = {name: set(paths) for name, paths in FILES.items()}
for _release, _soname in (("2.1", "liblrmd.so.28"), ("3.0", "liblrmd.so.52")):
    _own = "/usr/lib64/pcmk-remote-rs/" + _release
    FILES[DROPINS] |= {_own, "%s/%s" % (_own, _soname)}
    _headers = "/usr/include/pcmk-remote-rs/" + _release
    FILES[DEVEL] |= {_own + "/liblrmd.so", _own + "/pkgconfig", _own + "/pkgconfig/pacemaker-lrmd.pc", _headers,
                     _headers + "/crm", _headers + "/crm/lrmd.h", _headers + "/crm/lrmd_events.h"}


def query(place, name, *options):
    """The lines that rpm prints of the package with this name."""
    paths = glob.glob("%s/%s-[0-9]*.rpm" % (place, name))
    assert len(paths) == 1, paths
    result = subprocess.run(["rpm", "-qp", *options, *paths], stdout=subprocess.PIPE, text=True, check=True)
    return result.stdout.splitlines()


def lint(place):
    result = subprocess.run(["rpmlint", "--rpmlintrc", PACKAGING + "rpmlintrc", *glob.glob(place + "/*.rpm"),
                             PACKAGING + "pcmk-remote-rs.spec"],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0 and " 0 errors, 0 warnings" in result.stdout, result.stdout


def test_files(place):
    """each file is in one package, and no other file is"""
    for name, wanted in FILES.items():
        found = {path for path in query(place, name, "-l")
                 if not path.startswith(("/usr/share/doc/", "/usr/share/licenses/"))}
        # Compressing pages is the distribution's own.
        found = {re.sub(r"(/man8/.*\.8)\..*", r"\1", path) for path in found}
        assert found == wanted, "%s: missing %s, unexpected %s" % (name, wanted - found, found - wanted)
        documents = {os.path.basename(path) for path in query(place, name, "-l")}
        assert {"LICENSE", "NOTICES"} <= documents, name
    assert query(place, DAEMON, "-c") == ["/etc/sysconfig/pacemaker"]
    modes = query(place, DAEMON, "--qf", "[%{FILENAMES} %{FILEMODES:octal} %{FILEUSERNAME}\n]")
    assert "/usr/sbin/pacemaker-remoted 100755 root" in modes, modes


def test_relations(place):
    """a host stays a remote node, and no package gets our drop-ins for Pacemaker's library"""
    def bare(name, option):
        return {line.split(" ")[0] for line in query(place, name, option)}
    assert {"pacemaker-remote", "pcmk-cluster-manager"} <= bare(DAEMON, "--provides")
    assert bare(DAEMON, "--conflicts") == {"pacemaker", "pacemaker-remote"}
    assert {"pacemaker-cli", TOOL + "(x86-64)"} <= bare(DAEMON, "--requires")
    for name in FILES:
        needed = bare(name, "--requires")
        assert not needed & {"pacemaker", "corosync", "pacemaker-cluster-libs"}, needed
        if name != DAEMON:
            assert not bare(name, "--conflicts"), name
    offered = bare(DROPINS, "--provides") | bare(DEVEL, "--provides")
    assert not any("lrmd" in name for name in offered), offered
    assert "libpcmk-remote-rs.so.0(PCMK_REMOTE_RS_3.0)(64bit)" in bare(LIBRARY, "--provides")


def test_scripts(place):
    """scripts leave a daemon that runs alone, and what was enabled is enabled still"""
    scripts, title = {}, None
    for line in query(place, DAEMON, "--scripts"):
        if "scriptlet (using" in line:
            title = line.split()[0]
        else:
            scripts[title] = scripts.get(title, "") + line + "\n"
    stop = "--no-reload disable --now pacemaker_remote.service"
    for steps, wanted in (
            ([("preuninstall", 0), ("postuninstall", 0)], [stop, "daemon-reload"]),
            # An upgrade: the new package's scripts, then the old one's.
            ([("preinstall", 2), ("postinstall", 2), ("preuninstall", 1), ("postuninstall", 1),
              ("posttrans", 2)], ["daemon-reload", "daemon-reload"]),
            # In the place of pacemaker-remote.
            ([("preinstall", 1), ("postinstall", 1), ("posttrans", 1)],
             ["daemon-reload", "enable pacemaker_remote.service", "start pacemaker_remote.service"])):
        done = asked_of_systemd(scripts, steps)
        assert done == wanted, "%s: %s" % (steps, done)


def asked_of_systemd(scripts, steps):
    """What changes these scripts ask of systemd, with these counts of packages, on a host that has it."""
    with tempfile.TemporaryDirectory() as place:
        for name in ("systemctl", "systemd-tmpfiles"):
            with open(os.path.join(place, name), "w") as handle:
                handle.write('#!/bin/sh\ncase "$0 $*" in *is-active* | *is-enabled* | *tmpfiles*) ;;\n'
                             '*) echo "$*" >>"%s/done" ;; esac\n' % place)
            os.chmod(os.path.join(place, name), 0o755)
        open(place + "/done", "w").close()
        for title, count in steps:
            # This machine has no systemd in charge, and another daemon's files in /run.
            text = scripts[title].replace("/run/systemd/system", place).replace("/run/", place + "/")
            result = subprocess.run(["sh", "-euc", text, title, str(count)], stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True,
                                    env=dict(os.environ, PATH=place + ":" + os.environ["PATH"]))
            assert result.returncode == 0, "%s: %s" % (title, result.stdout)
        with open(place + "/done") as handle:
            return handle.read().splitlines()
