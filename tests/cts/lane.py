# SPDX-License-Identifier: LGPL-2.1-or-later
"""Inside a lane: takes tests that no other lane has taken and runs them one by one."""

import contextlib
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import time

from cts.files import ENV, HELPER, LIBRARIES, LIBRARY_DIR, SUITE, output, read, write

#: names of the tests that take longest: they start first
LONG = "stress|collision|monitor_(cancel|dup|ch|fail)|implies|component"
LEFTOVERS = "corosync|pacemaker-(fenced|execd|remot|cts-d)|cts-exec-helper|crm_resource"
REAL_TOOLS = "/usr/lib/cts-real"


def sweep(failed, systemd):
    """End what a test left running; after a failure, drop what its resources left."""
    subprocess.run(["pkill", "-KILL", LEFTOVERS])
    if failed:
        subprocess.run("rm -f /run/*.state /run/resource-agents/*.state", shell=True)
        if systemd:
            subprocess.run(["systemctl", "stop", "pacemaker-cts-dummyd@*.service"])


def keep_logs(directory):
    """The suite deletes the daemons' logs at its end; hard links keep them."""
    for path in glob.glob("/tmp/cts-exec-*/*.log"):
        with contextlib.suppress(FileExistsError, FileNotFoundError):
            os.link(path, os.path.join(directory, os.path.basename(path)))


def watched(argv, name, timeout):
    """Run one test; return its output, exit status (None: killed) and seconds."""
    start, log, keep = time.time(), "/cts/logs/%s.log" % name, "/tmp/keep-" + name
    os.mkdir(keep)
    with open(log, "wb") as handle:
        test = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=handle,
                                stderr=subprocess.STDOUT, start_new_session=True)
    while test.poll() is None and time.time() - start < timeout:
        keep_logs(keep)
        time.sleep(0.1)
    status = test.poll()
    if status is None:
        os.killpg(test.pid, signal.SIGKILL)
        test.wait()
    for entry in os.listdir(keep):
        shutil.copy(os.path.join(keep, entry), "/cts/logs/%s.%s" % (name, entry))
    return read(log), status, time.time() - start


def run_cli(config):
    if config["lib"]:
        os.environ["LD_LIBRARY_PATH"] = LIBRARY_DIR
    write("/cts/names.lane0", "cts-cli")
    groups = config["run"] or ("agents", "daemons", "crm_resource")
    argv = [SUITE + "cts-cli", "-V", "-j2"] + ["-r" + group for group in groups]
    write("/cts/status", json.dumps(watched(argv, "cts-cli", config["timeout"])[1]))


def test_names(config, suite):
    found = re.findall(r"^ *([a-z]\S*) - \S", output(*suite, "-l").partition("TEST NAME")[2],
                       re.M)
    found = [name for name in found if (config["pattern"] or "") in name]
    names = list(dict.fromkeys(config["run"] or found))
    return sorted(names, key=lambda name: not re.search(LONG, name))


def use_library(library):
    """Put the library under test in front, for the tools and the suite's helper only."""
    os.mkdir(REAL_TOOLS)
    tools = re.findall(r"^/usr/s?bin/.+", output("dpkg-query", "-L", "pacemaker-cli-utils"),
                       re.M)
    for path in tools + [HELPER]:
        if library in output("ldd", path):
            real = shutil.move(path, os.path.join(REAL_TOOLS, os.path.basename(path)))
            with open(path, "w") as handle:
                handle.write('#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' % (LIBRARY_DIR,
                                                                             real))
            os.chmod(path, 0o755)


def claim(name):
    """Is this test ours, not another lane's?"""
    try:
        os.close(os.open("/cts/claimed/" + name, os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False


def verdict_of(name, text, status):
    if status is None:
        return "failed (hung; killed)"
    found = re.findall("(SUCCESS|SKIPPED|FAILURE) - '%s'" % name, text)
    if not found:
        return "failed (no verdict from the suite)"
    words = {"SUCCESS": "passed", "SKIPPED": "skipped"} if status == 0 else {}
    return words.get(found[0], "failed")


def main(config):
    os.environ.update(ENV, PYTHONUNBUFFERED="1", **config["env"])
    if config["suite"] == "cli":
        run_cli(config)
        return
    suite = [SUITE + "cts-exec"] + (["-R"] if config["mode"] == "remoted" else [])
    names = test_names(config, suite)
    write("/cts/names." + config["lane"], "\n".join(names))
    if config["list"]:
        return
    if config["lib"]:     # after the listing, so that a broken library cannot shorten the list
        use_library(LIBRARIES[config["release"]])
    for name in filter(claim, names):
        text, status, took = watched(suite + ["-r", name], name, config["timeout"])
        verdict = verdict_of(name, text, status)
        sweep(verdict.startswith("failed"), config["systemd"])
        write("/cts/result.%s." % name, json.dumps([verdict, took]))
