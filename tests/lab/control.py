# SPDX-License-Identifier: LGPL-2.1-or-later
"""Requests to the init of a host: one line of JSON each way over a Unix socket."""

import json
import os
import socket

from support.base import LabError


def connect(hostdir):
    """Connect to the control socket in `hostdir` (whose path may be too long for bind)."""
    descriptor = os.open(hostdir, os.O_PATH | os.O_DIRECTORY)
    try:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(20)
        try:
            sock.connect("/proc/self/fd/%d/ctl" % descriptor)
        except OSError:
            sock.close()
            raise
        return sock
    finally:
        os.close(descriptor)


def ask(hostdir, **request):
    """Send one request to the init of a host, return its answer."""
    try:
        with connect(hostdir) as sock:
            sock.sendall(json.dumps(request).encode() + b"\n")
            data = b""
            while not data.endswith(b"\n"):
                chunk = sock.recv(65536)
                if not chunk:
                    break
                data += chunk
    except OSError as exc:
        raise LabError("host in %s does not answer: %s" % (hostdir, exc)) from None
    if not data:
        raise LabError("host in %s closed its control socket" % hostdir)
    answer = json.loads(data)
    if answer.get("error"):
        raise LabError(answer["error"])
    return answer


def daemons(hostdir):
    """The daemons of a host: {name: {"pid", "exit", "since", ...}}."""
    return ask(hostdir, request="status")["daemons"]
