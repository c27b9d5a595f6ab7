# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tests, run by systemd inside its sandbox, in the order of their definition."""

import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import traceback

from cts.files import ENV, read, write

UNIT = "pacemaker_remote.service"
UNIT_FILE = "/usr/lib/systemd/system/" + UNIT
DROP_IN = "/run/systemd/system/%s.d/test.conf" % UNIT
LOG = "/var/log/pacemaker/pacemaker.log"
AGENT = "/usr/lib/ocf/resource.d/test/Lasting"
STATE = "/tmp/lasting"
PORT = 3121


def run(*argv, check=True, timeout=60):
    result = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, timeout=timeout)
    assert not check or result.returncode == 0, "%s: exit status %d\n%s" % (
        " ".join(argv), result.returncode, result.stdout)
    return result


def show(*names):
    """Properties of the unit, as systemd has them."""
    text = run("systemctl", "show", UNIT, "-p", ",".join(names)).stdout
    return dict(line.partition("=")[::2] for line in text.splitlines())


def expect(**wanted):
    found = show(*wanted)
    assert found == wanted, "%s instead of %s" % (found, wanted)


def eventually(what, predicate, seconds=30):
    deadline = time.monotonic() + seconds
    while not (found := predicate()):
        assert time.monotonic() < deadline, "gave up waiting for " + what
        time.sleep(0.05)
    return found


def main_pid():
    return int(show("MainPID")["MainPID"])


def alive(name):
    """Does the process whose number the agent has written live?"""
    return os.path.exists("/proc/" + read("%s/%s" % (STATE, name)).strip() + "/exe")


def listening():
    with socket.create_connection(("127.0.0.1", PORT), 5):
        return True


def agent(action):
    return ["pcmk-remote", "exec", "ocf:test:Lasting", action, "dir=" + STATE]


def with_settings(*lines):
    """Give the unit other settings, as an administrator would."""
    os.makedirs(os.path.dirname(DROP_IN), exist_ok=True)
    write(DROP_IN, "[Service]\n%s\n" % "\n".join(lines))
    run("systemctl", "daemon-reload")


def as_usual():
    if os.path.exists(DROP_IN):
        os.unlink(DROP_IN)
    run("systemctl", "daemon-reload")
    run("systemctl", "reset-failed", UNIT, check=False)


def test_unit_is_valid():
    result = run("systemd-analyze", "verify", "--man=no", UNIT_FILE)
    assert not result.stdout.strip(), result.stdout


def test_users_and_directories():
    os.makedirs("/tmp/empty/etc")
    run("systemd-sysusers", "--root=/tmp/empty", "/usr/lib/sysusers.d/pacemaker-remoted.conf")
    users, groups = (dict((line.split(":")[0], line.split(":")) for line in read(
        "/tmp/empty/etc/" + name).splitlines()) for name in ("passwd", "group"))
    assert users["hacluster"][3] == groups["haclient"][2], "hacluster is not in haclient"
    shutil.rmtree("/var/log/pacemaker", ignore_errors=True)
    run("systemd-tmpfiles", "--create", "/usr/lib/tmpfiles.d/pacemaker-remoted.conf")
    found = os.stat("/var/log/pacemaker")
    assert found.st_mode & 0o7777 == 0o770 and found.st_gid, oct(found.st_mode)
    assert os.path.isdir("/var/lib/pacemaker/cores")


def test_enable():
    run("systemctl", "enable", UNIT)
    links = glob.glob("/etc/systemd/system/multi-user.target.wants/" + UNIT)
    links += glob.glob("/etc/systemd/system/pacemaker-remote.service")
    assert len(links) == 2 and all(os.readlink(link) == UNIT_FILE for link in links), links


def test_start():
    """When systemctl returns, the daemon listens: it has told systemd so."""
    run("systemctl", "start", UNIT)
    assert listening()
    expect(ActiveState="active", SubState="running", Type="notify", NRestarts="0",
           Result="success")
    assert os.readlink("/proc/%d/exe" % main_pid()) == "/usr/sbin/pacemaker-remoted"


def test_agents_get_a_clean_environment():
    """What concerns the daemon and its service manager only is not passed on."""
    run(*agent("start"))
    names = re.findall(r"^(\w+)=", read(STATE + "/environment"), re.M)
    assert "OCF_RESOURCE_INSTANCE" in names, names
    private = re.compile("NOTIFY_SOCKET|WATCHDOG_(USEC|PID)|LISTEN_(FDS|FDNAMES|PID|PIDFDID)")
    assert not [name for name in names if private.match(name)], names
    assert alive("service")


def test_reload():
    """Log files are opened anew, keys are read again, and nothing else happens."""
    before = main_pid()
    os.rename(LOG, LOG + ".1")
    run("systemctl", "reload", UNIT)
    eventually("a new log file", lambda: os.path.exists(LOG))
    eventually("keys to be read", lambda: "Keys and certificates were read again" in read(LOG))
    assert main_pid() == before and listening()
    expect(ActiveState="active", NRestarts="0")


def test_crash():
    """kill -9: systemd starts the daemon again; a running agent and what one has started live."""
    client = subprocess.Popen(agent("monitor"), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    eventually("the monitor to run", lambda: read(STATE + "/monitor"))
    before = main_pid()
    os.kill(before, signal.SIGKILL)
    eventually("a restart", lambda: show("NRestarts", "SubState") == {
        "NRestarts": "1", "SubState": "running"})
    client.wait(30)
    assert main_pid() not in (0, before) and listening()
    assert alive("service"), "what the agent had started is gone"
    assert alive("monitor"), "the running agent is gone"
    write(STATE + "/go", "")
    eventually("the agent to finish", lambda: os.path.exists(STATE + "/done"))


def test_stop():
    """The daemon exits with 0; resources are not systemd's to stop."""
    begin = time.monotonic()
    run("systemctl", "stop", UNIT)
    assert time.monotonic() - begin < 10, "it took %.1f s" % (time.monotonic() - begin)
    expect(ActiveState="inactive", SubState="dead", Result="success", ExecMainCode="1",
           ExecMainStatus="0")
    assert alive("service"), "what the agent had started is gone"


def refused(*settings):
    """A start that cannot succeed: exit status 100, and no second attempt."""
    with_settings(*settings)
    try:
        result = run("systemctl", "start", UNIT, check=False)
        expect(ExecMainCode="1", ExecMainStatus="100", NRestarts="0", MainPID="0")
        state = show("ActiveState")["ActiveState"]
        assert state in ("inactive", "failed"), "%s: it will be tried again" % state
        return result
    finally:
        run("systemctl", "stop", UNIT)
        as_usual()


def test_refused_policy():
    """A TLS policy that cannot be honoured: exit status 100, which is final."""
    refused("Environment=PCMK_tls_priorities=NONSENSE")
    assert "NONSENSE" in read(LOG)


def test_refused_port():
    """A port that is taken: exit status 100, which is final."""
    with socket.create_server(("", PORT)):
        refused("Environment=PCMK_remote_address=127.0.0.1")
    assert re.search(r"\b%d\b.*(in use|taken)" % PORT, read(LOG)), read(LOG)[-2000:]


def test_start_again():
    """After the cause is gone the unit starts as if nothing had been."""
    run("systemctl", "start", UNIT)
    assert listening()
    expect(ActiveState="active", SubState="running")
    run("systemctl", "restart", UNIT)
    assert listening()
    run("systemctl", "stop", UNIT)


def prepare():
    shutil.copytree("/cts/installed", "/", symlinks=True, dirs_exist_ok=True)
    os.unlink("/etc/systemd/system/" + UNIT)                # the sandbox masks it
    os.makedirs(os.path.dirname(AGENT))
    shutil.copy(os.path.join(os.path.dirname(__file__), "agent.sh"), AGENT)
    os.chmod(AGENT, 0o755)
    os.mkdir(STATE)
    run("systemctl", "daemon-reload")


def run_tests(config, modules, prepare):
    """Run the functions that are named test_ in these modules, or those of them that are asked for."""
    tests = {name[5:]: function for module in modules
             for name, function in module.items() if name.startswith("test_")}
    tests = {name: tests[name] for name in config["run"] or tests}
    write("/cts/names." + config["lane"], "\n".join(tests))
    prepare()
    for name, function in tests.items():
        begin, verdict = time.monotonic(), "passed"
        try:
            function()
        except Exception:
            verdict = "failed"
            write("/cts/logs/%s.log" % name, traceback.format_exc())
        write("/cts/result.%s." % name, json.dumps([verdict, time.monotonic() - begin]))


def main(config):
    from systemd import units
    os.environ.update(ENV)
    run_tests(config, (globals(), vars(units)), prepare)
    if os.path.exists(LOG):
        shutil.copy(LOG, "/cts/logs/")
