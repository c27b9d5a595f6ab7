# SPDX-License-Identifier: LGPL-2.1-or-later
"""TLS with a key and with certificates, side by side. The first release that knows certificates is 3.0, which this
machine need not have: daemons and client run in a root directory with Debian 13, as the tests make it."""

import os
import subprocess
import sys

from . import client
from .daemon import LOG, Daemon

ROOT = "/run/root"
DAEMON = "/run/pacemaker-remoted"
CLIENT = "/run/lrmd-bench"
PKI = "/run/pki"
KEY = "/etc/pacemaker/authkey"
# What a certificate's key is: how it is called in results, and in tests/pki.
KINDS = {"p256": "p256", "rsa": "rsa2048"}


def _show(source, place):
    """Make a program visible in the root directory."""
    with open(ROOT + place, "wb"):
        pass
    subprocess.run(["mount", "--bind", source, ROOT + place], check=True)


def _lay_out(daemon):
    """The root directory, copy-on-write, with what is measured, a key and certificates."""
    for place in (ROOT, "/run/upper", "/run/work"):
        os.makedirs(place)
    options = f"lowerdir={client.PROGRAMS['root-3.0']},upperdir=/run/upper,workdir=/run/work"
    subprocess.run(["mount", "-t", "overlay", "pcmk-bench", "-o", options, ROOT], check=True)
    for place in ("/dev", "/dev/shm", "/proc"):
        subprocess.run(["mount", "--bind", place, ROOT + place], check=True)
    for place in ("/run/resource-agents", "/etc/pacemaker", "/var/log/pacemaker", "/var/lib/pacemaker/cores"):
        os.makedirs(ROOT + place, exist_ok=True)
    _show(daemon, DAEMON)
    _show(client.PROGRAMS["lrmd-bench-3.0"], CLIENT)
    with open(ROOT + KEY, "wb") as file:
        file.write(os.urandom(4096))
    _make_certificates()


def _make_certificates():
    here = os.path.dirname(os.path.realpath(__file__))
    sys.path.insert(0, os.path.join(here, "..", "..", "tests", "pki"))
    from authority import Authority  # pylint: disable=import-outside-toplevel  (its place is known only now)
    pki = Authority(ROOT + PKI)
    pki.certificate("ca", extensions=["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"])
    for name, kind in KINDS.items():
        pki.certificate(name, issuer="ca", kind=kind, extensions=["keyUsage=critical,digitalSignature"])
    pki.revocations("list", "ca")


def _variables(name):
    # Of 3.0.0, which makes parameters at its start that no suite in use needs.
    variables = {"PCMK_dh_max_bits": "1024"}
    if name == "psk":
        return {**variables, "PCMK_authkey_location": KEY}
    files = {"ca": "cert/ca", "cert": "cert/" + name, "key": "key/" + name, "crl": "crl/list"}
    return {**variables, **{f"PCMK_{what}_file": f"{PKI}/{file}.pem" for what, file in files.items()}}


def credentials(path, _program, effort):
    """Connects and calls with a key of 4096 bytes, and with certificates of two kinds and a revocation list: how many a
    second one client after the other makes, and what one costs the daemon."""
    _lay_out(path)
    numbers = {}
    for name in ("psk", *KINDS):
        variables = _variables(name)
        words = ["chroot", ROOT, "env", *(f"{key}={value}" for key, value in variables.items()), CLIENT, "-S"]
        with Daemon(DAEMON, ["chroot", ROOT], variables, ROOT + LOG) as daemon:
            client.measure(words, 0.5, "connect")  # the first one has more to do
            for measure in ("connect", "info"):
                before = daemon.own_cpu_us()
                result = client.measure(words, effort.measure_s, measure)[measure]
                after = daemon.own_cpu_us()
                numbers[f"{name}_{measure}_rate"] = result["per_second"]
                numbers[f"{name}_{measure}_cpu_us"] = (after - before) / result["count"]
            daemon.stop()
    return numbers
