# SPDX-License-Identifier: LGPL-2.1-or-later
"""Resources that are units of systemd, run by the installed daemon on the real systemd."""

import os
import signal
import socket
import subprocess
import threading
import time

from cts.files import read, write
from systemd.inside import UNIT, as_usual, eventually, expect, main_pid, run

OK, ERROR, UNIMPLEMENTED, NOT_INSTALLED, NOT_RUNNING, TIMEOUT = 0, 1, 3, 5, 7, 124
HELPER = "/usr/lib/pacemaker/cts-exec-helper"
UNIT_FILES = {
    # Would come back by itself, but for the cluster's drop-in.
    "t-web.service": "[Service]\nExecStart=/bin/sleep infinity\nRestart=always\n"
                     "ExecReload=/bin/touch /tmp/t-reloaded\n",
    "t-odd.service": "[Unit]\nDescription=<odd> & 'words' é\n[Service]\nExecStart=/bin/true\n",
    "t-plain.service": "[Service]\nExecStart=/bin/sleep infinity\n",
    "t-many@.service": "[Service]\nExecStart=/bin/sleep infinity\n",
    "t-clock.timer": "[Timer]\nOnActiveSec=1h\nUnit=t-plain.service\n",
    "t-slow.service": "[Service]\nExecStartPre=/bin/sleep 4\nExecStart=/bin/sleep infinity\n",
    "t-never.service": "[Service]\nType=notify\nTimeoutStartSec=infinity\n"
                       "ExecStart=/bin/sleep infinity\n",
    "t-impatient.service": "[Unit]\nJobTimeoutSec=1\n[Service]\nType=notify\n"
                           "TimeoutStartSec=infinity\nExecStart=/bin/sleep infinity\n",
    "t-broken.service": "[Service]\nType=oneshot\nExecStart=/bin/false\n",
    "t-unmet.service": "[Unit]\nConditionPathExists=/nowhere\n[Service]\nExecStart=/bin/sleep infinity\n",
    "t-once.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n",
    "t-missing.service": "[Service]\nType=exec\nExecStart=/nowhere/program\n",
    "t-stubborn.service": "[Service]\nExecStart=/bin/sh -c 'trap \"\" TERM; while :; do sleep 1; done'\n"
                          "TimeoutStopSec=4\n",
}


def act(agent, action, expected, timeout=20):
    """Run an action; return what was said of it."""
    if ":" not in agent:
        agent = "systemd:" + agent
    result = run("pcmk-remote", "exec", "--disturb", "-t", str(timeout), "--id",
                 agent.replace(":", "-"), agent, action, check=False, timeout=timeout + 30)
    assert result.returncode == expected, "%s %s: exit status %d instead of %d\n%s" % (
        agent, action, result.returncode, expected, result.stdout)
    return result.stdout


def later(*words, **options):
    """The same in the background; a function that waits for it."""
    results = []

    def work():
        try:
            results.append(act(*words, **options))
        except Exception as problem:
            results.append(problem)

    thread = threading.Thread(target=work)
    thread.start()

    def join():
        thread.join()
        if isinstance(results[0], Exception):
            raise results[0]
        return results[0]
    return join


def state(unit, name="ActiveState"):
    return run("systemctl", "show", unit, "-p", name, "--value").stdout.strip()


def expect_state(unit, wanted):
    found = state(unit)
    assert found == wanted, "%s is %s instead of %s" % (unit, found, wanted)


def drop_in(unit):
    return "/run/systemd/system/%s.d/50-pacemaker.conf" % unit


def tasks():
    return len(os.listdir("/proc/%d/task" % main_pid()))


def bus_connections():
    """How many connections the daemon has to the system bus."""
    pid = main_pid()
    inodes = {os.readlink(entry.path) for entry in os.scandir("/proc/%d/fd" % pid)}
    ours = [line for line in read("/proc/net/unix").splitlines()
            if line.split() and "socket:[%s]" % line.split()[6] in inodes]
    lines = run("ss", "-xHp", "src", "unix:/run/dbus/system_bus_socket").stdout
    peers = {word for line in lines.splitlines() for word in line.split()}
    return len([line for line in ours if line.split()[6] in peers])


def resident_kib():
    status = read("/proc/%d/status" % main_pid())
    return int(status.partition("VmRSS:")[2].split()[0])


def test_units_cost_nothing_before_the_first():
    """No connection before the first unit; one, and no other thread, after it."""
    for name, text in UNIT_FILES.items():
        write("/usr/lib/systemd/system/" + name, text)
    run("systemctl", "daemon-reload")
    as_usual()
    run("systemctl", "restart", UNIT)
    idle, before = resident_kib(), tasks()
    assert idle < 11 * 1024, "%d KiB resident when idle" % idle
    assert bus_connections() == 0
    act("t-plain", "monitor", NOT_RUNNING)
    assert (tasks(), bus_connections()) == (before, 1), (before, tasks(), bus_connections())


def test_unit_life():
    """Start, monitor, stop; the unit is the cluster's in between."""
    assert "inactive" in act("t-web", "monitor", NOT_RUNNING)
    act("t-web", "start", OK)
    expect_state("t-web", "active")
    act("t-web", "monitor", OK)
    act("t-web", "start", OK)
    path = drop_in("t-web.service")
    assert os.stat(path).st_mode & 0o777 == 0o644
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o755
    assert state("t-web", "Restart") == "no"
    assert state("t-web", "Description") == "Cluster Controlled t-web.service"
    assert "pacemaker_remote.service" in state("t-web", "Before")
    before = state("t-web", "MainPID")
    act("t-web", "restart", OK)
    assert state("t-web", "MainPID") not in ("0", before)
    act("t-web", "stop", OK)
    expect_state("t-web", "inactive")
    act("t-web", "stop", OK)
    assert not os.path.exists(os.path.dirname(path))
    assert state("t-web", "Restart") == "always", "systemd did not read its files anew"


def test_unit_that_fails_is_noticed():
    act("t-web", "start", OK)
    os.kill(int(state("t-web", "MainPID")), signal.SIGKILL)
    eventually("the unit's end", lambda: state("t-web") == "failed")
    assert "failed" in act("t-web", "monitor", NOT_RUNNING)
    act("t-web", "stop", OK)


def test_unit_reload():
    """Reload where the unit can; where it cannot it is no action of the agent."""
    for agent in "t-web", "t-plain":
        act(agent, "start", OK)
    act("t-web", "reload", OK)
    assert os.path.exists("/tmp/t-reloaded")
    assert "cannot reload" in act("t-plain", "reload", UNIMPLEMENTED)
    act("t-plain", "promote", UNIMPLEMENTED)
    for agent in "t-web", "t-plain":
        act(agent, "stop", OK)


def test_unit_names():
    """Templates get the cluster's instance; a timer's drop-in is the timer's."""
    act("t-many@", "start", OK)
    expect_state("t-many@pacemaker.service", "active")
    act("t-many@other.service", "start", OK)
    assert os.path.exists(drop_in("t-many@other.service"))
    for agent in "t-many@", "t-many@other":
        act(agent, "stop", OK)
    act("t-clock.timer", "start", OK)
    assert "[Service]" not in read(drop_in("t-clock.timer"))
    expect_state("t-clock.timer", "active")
    act("t-clock.timer", "stop", OK)
    assert not os.path.exists(drop_in("t-clock.timer"))


def test_unit_unknown():
    act("t-nowhere", "stop", OK)
    act("t-nowhere", "monitor", NOT_RUNNING)
    assert "not found" in act("t-nowhere", "start", NOT_INSTALLED)
    act("../../etc/t-nowhere", "start", NOT_INSTALLED)
    run("systemctl", "mask", "--runtime", "t-plain")
    assert "masked" in act("t-plain", "start", ERROR)
    run("systemctl", "unmask", "--runtime", "t-plain")
    os.unlink(drop_in("t-plain.service"))


def test_unit_by_the_alias():
    """Class service: an init script, or else a unit, or else nothing."""
    act("service:t-plain", "start", OK)
    expect_state("t-plain", "active")
    act("service:t-plain", "monitor", OK)
    act("service:t-plain", "stop", OK)
    for action in "start", "monitor":
        assert "init script" in act("service:t-nowhere", action, NOT_INSTALLED)


def test_unit_metadata():
    """As the daemon describes it, our tool, and the distribution's."""
    theirs = run("crm_resource", "--show-metadata", "systemd:t-plain").stdout
    assert theirs.rstrip() in act("t-plain", "meta-data", OK)
    for agent in ("systemd:t-plain", "systemd:t-plain.service", "systemd:t-clock.timer",
                  "systemd:t-many@", "systemd:t-nowhere", "service:t-odd", "systemd:t-odd"):
        theirs = run("crm_resource", "--show-metadata", agent).stdout
        ours = run("pcmk-remote", "metadata", agent).stdout
        assert ours == theirs, "%s:\n%s instead of\n%s" % (agent, ours, theirs)
    assert "&lt;odd&gt; &amp; 'words' é" in ours, ours
    result = run("pcmk-remote", "metadata", "service:t-nowhere", check=False)
    assert result.returncode == NOT_INSTALLED, result


def test_unit_lists():
    """What can be managed: as the distribution's tools list it."""
    assert run("pcmk-remote", "list").stdout == run("crm_resource", "--list-standards").stdout
    for standard, some in ("systemd", "t-clock.timer"), ("service", "t-web"):
        theirs = run("crm_resource", "--list-agents", standard).stdout.split()
        ours = run("pcmk-remote", "list", "agents", standard).stdout.split()
        assert ours == ["%s:%s" % (standard, name) for name in theirs], (ours, theirs)
        assert some in theirs and "t-many@" in theirs, theirs
    all_agents = run("pcmk-remote", "list", "agents").stdout.split()
    assert "systemd:t-web" in all_agents and "service:t-web" not in all_agents


def test_unit_lists_do_not_wait_for_ever():
    """A bus that says nothing is given up in time, and the description is the general one."""
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind("/tmp/silent-bus")
        bus.listen()
        silent = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS="unix:path=/tmp/silent-bus")
        begin = time.monotonic()
        result = subprocess.run(["pcmk-remote", "metadata", "-t", "1", "systemd:t-plain"], env=silent,
                                stdout=subprocess.PIPE, text=True, timeout=30, check=True)
        assert 0.9 < time.monotonic() - begin < 10
        assert "Systemd unit file for t-plain" in result.stdout, result.stdout


def test_unit_that_fails_to_start():
    assert "'failed'" in act("t-broken", "start", ERROR)
    assert "'timeout'" in act("t-impatient", "start", TIMEOUT)
    for agent in "t-broken", "t-impatient":
        act(agent, "stop", OK)


def test_unit_that_is_not_active_after_its_start():
    """As with Pacemaker 2.1 and 3.0.0, which look at the state; the reason names it."""
    assert "is inactive" in act("t-unmet", "start", ERROR)
    assert "is inactive" in act("t-once", "start", ERROR)
    assert "'failed'" in act("t-missing", "start", ERROR)
    for agent in "t-unmet", "t-once", "t-missing":
        act(agent, "stop", OK)


def test_unit_that_never_finishes():
    """The timeout names the action; a probe does not guess; then the unit can be stopped."""
    begin = time.monotonic()
    words = act("t-never", "start", TIMEOUT, timeout=2)
    assert 1.9 < time.monotonic() - begin < 8
    assert "start did not complete within 2s" in words and "job" in words, words
    expect_state("t-never", "activating")
    assert "in transition" in act("t-never", "monitor", TIMEOUT, timeout=3)
    act("t-never", "stop", OK)
    expect_state("t-never", "inactive")


def test_unit_in_transition():
    """A recurring monitor says that it is pending; a probe waits until it knows."""
    run("systemctl", "start", "--no-block", "t-never")
    base = [HELPER, "-S", "-r", "never", "-t", "5000"]
    run(*base, "-c", "register_rsc", "-C", "systemd", "-T", "t-never")
    event = "NEW_EVENT event_type:exec_complete rsc_id:never action:monitor rc:%s op_status:%s"
    run(*base, "-c", "exec", "-a", "monitor", "-i", "1s", "-l",
        event % ("No exit status available", "Pending"))
    run(HELPER, "-S", "-t", "15000", "-V", "-l", event % ("Error occurred", "Timed out"))
    run(*base, "-c", "unregister_rsc")
    run("systemctl", "stop", "t-never")
    run("systemctl", "start", "--no-block", "t-slow")
    begin = time.monotonic()
    expect_state("t-slow", "activating")
    act("t-slow", "monitor", OK)
    assert time.monotonic() - begin > 2
    act("t-slow", "stop", OK)


def test_unit_while_it_stops():
    act("t-stubborn", "start", OK)
    stop = later("t-stubborn", "stop", OK)
    eventually("the stop", lambda: state("t-stubborn") == "deactivating")
    assert "failed" in act("t-stubborn", "monitor", NOT_RUNNING)
    stop()


def test_unit_and_reexec():
    """systemd executes itself anew in the middle of a start, and before a monitor."""
    start = later("t-slow", "start", OK)
    eventually("the job", lambda: state("t-slow") == "activating")
    for _ in range(2):
        run("systemctl", "daemon-reexec")
        run("systemctl", "daemon-reload")
    start()
    expect_state("t-slow", "active")
    reexec = subprocess.Popen(["systemctl", "daemon-reexec"])
    for _ in range(10):
        act("t-slow", "monitor", OK)
    reexec.wait()
    act("t-slow", "stop", OK)


def test_unit_and_bus():
    """The bus is killed in the middle of a start, and while nothing happens."""
    before, threads = main_pid(), tasks()
    start = later("t-slow", "start", OK)
    eventually("the job", lambda: state("t-slow") == "activating")
    run("systemctl", "kill", "--signal=KILL", "dbus.service")
    start()
    eventually("the bus", lambda: run("busctl", "status", check=False).returncode == 0)
    expect_state("t-slow", "active")
    run("systemctl", "kill", "--signal=KILL", "dbus.service")
    act("t-slow", "monitor", OK)
    act("t-slow", "stop", OK)
    assert (main_pid(), tasks(), bus_connections()) == (before, threads, 1)


def test_unit_and_our_restart():
    """Whatever becomes of the daemon, a unit is not stopped by it."""
    act("t-web", "start", OK)
    before = state("t-web", "MainPID")
    run("systemctl", "restart", UNIT)
    act("t-web", "monitor", OK)
    os.kill(main_pid(), signal.SIGKILL)
    eventually("the daemon", lambda: run("pcmk-remote", "check", "localhost",
                                         check=False).returncode == 0)
    act("t-web", "monitor", OK)
    run("systemctl", "stop", UNIT)
    expect(ActiveState="inactive", Result="success", ExecMainCode="1", ExecMainStatus="0")
    assert (state("t-web"), state("t-web", "MainPID")) == ("active", before)
    assert os.path.exists(drop_in("t-web.service"))
    run("systemctl", "start", UNIT)
    act("t-web", "stop", OK)
    expect_state("t-web", "inactive")


def test_units_at_once():
    """Twenty start and stop side by side, on one connection."""
    threads = tasks()
    for action, wanted in ("start", "active"), ("stop", "inactive"):
        for join in [later("t-many@%d" % number, action, OK, timeout=60) for number in range(20)]:
            join()
        for number in range(20):
            expect_state("t-many@%d" % number, wanted)
    assert (tasks(), bus_connections()) == (threads, 1), (tasks(), bus_connections())


def test_stop_after_units():
    """A daemon that has spoken to systemd exits as any other."""
    act("t-plain", "monitor", NOT_RUNNING)
    run("systemctl", "stop", UNIT)
    # What has ended well systemd forgets, exit code and all.
    expect(ActiveState="inactive", Result="success")
    run("systemctl", "start", UNIT)
