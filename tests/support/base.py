# SPDX-License-Identifier: LGPL-2.1-or-later
"""Errors, programs and files: the small things every test tool here needs."""

import contextlib
import os
import shlex
import shutil
import stat
import subprocess
import sys
import time

SAFE_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
EX_FAIL, EX_USAGE, EX_MISSING, EX_TIMEOUT = 1, 2, 3, 4


class LabError(Exception):
    """An expected failure: a clear message and an exit status."""

    def __init__(self, message, code=EX_FAIL):
        super().__init__(message)
        self.code = code


def log(message):
    print(message, file=sys.stderr, flush=True)


def find_program(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":" + SAFE_PATH)


def need(*names):
    """Fail at once, naming every program that is missing."""
    missing = [name for name in names if not find_program(name)]
    if missing:
        raise LabError("missing program(s): %s (try tests/setup test)" % ", ".join(missing),
                       EX_MISSING)


def program(name):
    """The path of a program, looked for in /usr/sbin too."""
    need(name)
    return find_program(name)


def run(argv, timeout=30, check=True, text_input=None, env=None):
    """Run a program, never longer than `timeout` seconds; return CompletedProcess."""
    argv = [str(arg) for arg in argv]
    if "/" not in argv[0]:
        argv[0] = program(argv[0])
    try:
        result = subprocess.run(
            argv, input=text_input, text=True, env=env, timeout=timeout, errors="replace",
            stdin=subprocess.DEVNULL if text_input is None else None,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except subprocess.TimeoutExpired:
        raise LabError("timed out after %gs: %s" % (timeout, shlex.join(argv)),
                       EX_TIMEOUT) from None
    if check and result.returncode != 0:
        raise LabError("failed (exit %d): %s\n%s" % (
            result.returncode, shlex.join(argv), (result.stderr + result.stdout).strip()))
    return result


def poll_until(what, predicate, timeout, interval=0.1):
    """Poll `predicate` until it returns something true; return (value, seconds)."""
    start = time.monotonic()
    while True:
        value = predicate()
        now = time.monotonic()
        if value:
            return value, now - start
        if now - start > timeout:
            raise LabError("timed out after %gs waiting for %s" % (timeout, what), EX_TIMEOUT)
        time.sleep(interval)


def write_file(path, data, mode=0o644, uid=0, gid=0):
    """Replace a file by a new inode; a symbolic link there is not followed."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(data if isinstance(data, bytes) else data.encode())
    os.chmod(path, mode)
    os.chown(path, uid, gid)


def copy_file(source, target, mode=None):
    """Copy over `target` through a new inode, so that a running program is unharmed."""
    partial = "%s.new" % target
    shutil.copyfile(source, partial)
    os.chmod(partial, mode if mode is not None else stat.S_IMODE(os.stat(source).st_mode))
    os.rename(partial, target)


def start_time(pid):
    """Kernel start time of a process, to recognise a recycled pid; None if it is gone."""
    try:
        with open("/proc/%d/stat" % pid) as handle:
            fields = handle.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]
