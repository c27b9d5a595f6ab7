# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tests, run by systemd inside its sandbox, in the order of their definition: each goes on where the
one before has ended."""

import glob
import os
import re
import shutil
import stat
import subprocess

from cts.files import ENV, read, write
from systemd.inside import AGENT, STATE, UNIT, agent, alive, eventually, listening, main_pid, run, run_tests, show

DEBS = "/cts/debs"
THEIRS = "/cts/theirs.deb"
KEY = "/etc/pacemaker/authkey"
SETTINGS = "/etc/default/pacemaker"
#: what no remote node may get along with a package
CLUSTER = ("pacemaker", "corosync", "pacemaker-remote")
OURS = ("pcmk-remote-rs", "pcmk-remote-rs-tool", "pcmk-remote-rs-execd", "libpcmk-remote-rs0",
        "pcmk-remote-rs-dropins")
APT = ("apt-get", "-qy", "-oDpkg::Options::=--force-unsafe-io", "--no-install-recommends")


def deb(name):
    found = glob.glob("%s/%s_*.deb" % (DEBS, name))
    assert len(found) == 1, found
    return found[0]


def dpkg(*words):
    return run("dpkg", "--force-unsafe-io", *words, timeout=180).stdout


def status(name):
    return run("dpkg-query", "-Wf", "${db:Status-Status}", name, check=False).stdout


def enabled():
    return run("systemctl", "is-enabled", UNIT, check=False).stdout.strip() == "enabled"


def mode(path):
    found = os.stat(path)
    names = [run("getent", table, str(number)).stdout.split(":")[0]
             for table, number in (("passwd", found.st_uid), ("group", found.st_gid))]
    return "%o %s:%s" % (stat.S_IMODE(found.st_mode), *names)


def expect_running():
    state = show("ActiveState", "SubState", "ExecMainStatus")
    assert state["ActiveState"] == "active", state
    assert listening()
    return main_pid()


def test_takes_the_place_of_the_distributions_daemon():
    """Key, settings and enabled state are kept, and what the cluster runs here runs on."""
    dpkg("-i", THEIRS)
    run("systemctl", "enable", "--now", UNIT)
    with open(SETTINGS, "a") as handle:
        handle.write("PCMK_remote_port=3122\n")
    write(KEY, "the cluster's key")
    before = (read(KEY), mode(KEY), read(SETTINGS))
    dpkg("-i", deb("pcmk-remote-rs-tool"))
    resource = subprocess.Popen(["systemd-run", "--scope", "--quiet", "sleep", "1000"])
    theirs = main_pid()
    # By apt, as for a package that is named.
    text = run(*APT, "install", deb("pcmk-remote-rs"), timeout=180).stdout
    assert "pacemaker-remote" in re.search("REMOVED:\n(.*)", text)[1], text
    assert status("pacemaker-remote") in ("config-files", "not-installed", ""), status("pacemaker-remote")
    assert (read(KEY), mode(KEY), read(SETTINGS)) == before
    assert enabled() and main_pid() not in (0, theirs)
    assert "pcmk-remote-rs" in run("/usr/sbin/pacemaker-remoted", "--version").stdout
    eventually("the daemon on the port of the settings", lambda: run(
        "ss", "-Hltn", "sport = :3122").stdout.strip())
    assert resource.poll() is None
    resource.kill()
    write(SETTINGS, read(SETTINGS).replace("PCMK_remote_port=3122\n", ""))
    run("systemctl", "restart", UNIT)
    expect_running()


def test_stays_when_the_rest_of_the_distributions_daemon_is_purged():
    """A purge of what pacemaker-remote has left neither disables nor stops ours."""
    pid = main_pid()
    dpkg("--purge", "pacemaker-remote")
    run("systemctl", "daemon-reload")
    assert enabled() and expect_running() == pid


def test_no_file_is_two_packages():
    """All packages install beside Pacemaker's own, and each file has one owner."""
    dpkg("-i", *(deb(name) for name in OURS if name != "pcmk-remote-rs"))
    names = run("dpkg-query", "-Wf", "${Package}\n").stdout.split()
    present = [name for name in ("pacemaker-common", "pacemaker-cli-utils", "resource-agents",
                                 "pacemaker-resource-agents") if name in names]
    assert len(present) == 4, present
    for name in OURS:
        for path in run("dpkg", "-L", name).stdout.splitlines():
            if not os.path.isdir(path):
                owners = run("dpkg", "-S", path).stdout
                assert owners.startswith(name + ":") and "," not in owners, owners
    assert not run("dpkg", "--audit").stdout
    run("apt-get", "check")


def test_stays_a_remote_node():
    """Cluster tools beside it bring in neither the cluster stack nor the distribution's daemon."""
    for names in (("pcs",), ("crmsh",), ("pacemaker-cli-utils", "resource-agents", "pacemaker-common",
                                         "pacemaker-resource-agents", "fence-agents")):
        text = run("apt-get", "-s", "-oAPT::Install-Recommends=1", "install", *names,
                   timeout=180).stdout
        lines = re.findall(r"^(Inst|Remv) (\S+)", text, re.M)
        wrong = [line for line in lines if line[0] == "Inst" and line[1] in CLUSTER
                 or line[0] == "Remv" and line[1] in OURS]
        assert not wrong, "%s: %s" % (names, wrong)
    # Who wants a cluster node gets one.
    lines = run("apt-get", "-s", "install", "pacemaker", timeout=180).stdout.splitlines()
    assert any(line.startswith("Inst pacemaker ") for line in lines), lines
    assert any(line.startswith("Remv pcmk-remote-rs ") for line in lines), lines


def test_upgrade():
    """An upgrade leaves the daemon and what it runs alone, and says so."""
    run("systemctl", "start", UNIT)
    run(*agent("start"))
    pid = expect_running()
    text = dpkg("-i", deb("pcmk-remote-rs"), deb("pcmk-remote-rs-tool"))
    assert main_pid() == pid and alive("service")
    assert "systemctl restart" in text, text


def test_unmodified_programs_run_on_the_drop_ins():
    """A program of the distribution loads the installed drop-in, and no package depends on it."""
    loaded = run("with-pcmk-remote-rs", "ldd", "/usr/sbin/crm_resource").stdout
    assert re.search(r"liblrmd\.so\.\d+ => /usr/lib/[^/]+/pcmk-remote-rs/", loaded), loaded
    run("with-pcmk-remote-rs", "crm_resource", "--list-agents", "ocf:heartbeat")
    offered = "".join(read(path) for path in glob.glob("/var/lib/dpkg/info/pcmk-remote-rs-dropins*.shlibs"))
    assert not offered, offered


def test_remove_and_reinstall():
    """Removed, the daemon is stopped and its key stays; installed again, it serves as before."""
    dpkg("--remove", "--force-depends", "pcmk-remote-rs")
    assert main_pid() == 0 and not os.path.exists("/usr/sbin/pacemaker-remoted")
    assert os.path.exists(KEY) and alive("service")
    dpkg("-i", deb("pcmk-remote-rs"))
    assert enabled()
    expect_running()


def test_purge():
    """Purged, nothing of it is left."""
    dpkg("--purge", "--force-depends", *OURS)
    assert main_pid() == 0
    left = [path for place in ("/etc", "/usr", "/var/lib/systemd", "/var/lib/dpkg/info")
            for path in run("find", place, "-xdev", "(", "-name", "*pcmk-remote*", "-o", "-name",
                            "pacemaker?remote*", ")").stdout.splitlines()]
    assert not left, left


def test_fresh_installation():
    """On a host that never had any: users, directories and the key's mode, neither enabled nor started."""
    dpkg("--purge", "--force-depends", "pacemaker-common")
    for path in ("/etc/pacemaker", "/var/lib/pacemaker", "/var/log/pacemaker", "/run/resource-agents"):
        shutil.rmtree(path, ignore_errors=True)
    for command in (("userdel", "hacluster"), ("groupdel", "haclient")):
        run(*command, check=False)
    dpkg("-i", "/cts/common.deb", deb("pcmk-remote-rs"), deb("pcmk-remote-rs-tool"))
    assert run("id", "-gn", "hacluster").stdout.strip() == "haclient"
    found = {path: mode(path) for path in (
        "/var/log/pacemaker", "/var/lib/pacemaker/cores", "/run/resource-agents", KEY)}
    assert found == {"/var/log/pacemaker": "770 hacluster:haclient",
                     "/var/lib/pacemaker/cores": "750 hacluster:haclient",
                     "/run/resource-agents": "755 root:root", KEY: "640 root:haclient"}, found
    assert os.path.isdir("/etc/pacemaker")
    assert not enabled() and main_pid() == 0
    run("systemctl", "start", UNIT)
    expect_running()
    run("systemctl", "stop", UNIT)


def source_install(*words, prefix="/usr/local", check=True):
    return run("env", "PREFIX=" + prefix, "/cts/source/packaging/install", *words, check=check)


def test_make_install_leaves_packages_alone():
    """What a package owns is neither replaced nor removed by `make install` and `make uninstall`."""
    names = ("pcmk-remote-rs", "pcmk-remote-rs-tool")
    before = run("dpkg", "--verify", *names).stdout
    result = source_install(prefix="/usr", check=False)
    assert result.returncode == 1 and "pcmk-remote-rs: /usr/sbin/pacemaker-remoted" in result.stdout, result
    source_install("--uninstall", prefix="/usr")
    assert run("dpkg", "--verify", *names).stdout == before == ""
    dpkg("--remove", "--force-depends", *names)
    dpkg("-i", THEIRS)
    result = source_install(prefix="/usr", check=False)
    assert result.returncode == 1 and "pacemaker-remote: " in result.stdout, result
    assert not os.path.exists("/usr/bin/pcmk-remote")


def test_make_uninstall():
    """`make install` below /usr/local and `make uninstall` leave nothing, but for edited settings."""
    def files():
        return set(run("find", "/usr/local", "/etc/default", "/etc/logrotate.d").stdout.split())
    # The directories stay: others share them.
    before = {path for path in files() if not os.path.isdir(path)}
    assert "/usr/local/sbin/pacemaker-remoted" in source_install().stdout
    after = {path for path in files() if not os.path.isdir(path)}
    assert len(after - before) > 15
    source_install("--uninstall")
    assert {path for path in files() if not os.path.isdir(path)} == before
    assert not [path for path in files() if "pcmk-remote" in path]
    expect_running()


def prepare():
    """A host without the cluster stack."""
    os.unlink("/etc/systemd/system/" + UNIT)                # the sandbox masks it
    with open("/etc/dpkg/dpkg.cfg.d/test", "w") as handle:
        handle.write("force-unsafe-io\n")
    stack = [name for name in CLUSTER if status(name) not in ("", "not-installed")]
    dpkg("--purge", "--force-depends", *stack)
    if os.path.exists("/usr/sbin/policy-rc.d"):
        os.unlink("/usr/sbin/policy-rc.d")
    os.makedirs(os.path.dirname(AGENT))
    shutil.copy(os.path.join(os.path.dirname(__file__), "../systemd/agent.sh"), AGENT)
    os.chmod(AGENT, 0o755)
    os.mkdir(STATE)
    # Or apt would do it again at each call.
    run("apt-cache", "gencaches", timeout=180)
    run("systemctl", "daemon-reload")


def main(config):
    os.environ.update(ENV, DEBIAN_FRONTEND="noninteractive")
    run_tests(config, (globals(),), prepare)
