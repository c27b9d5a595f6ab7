# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pacemaker's own executor regression suites (cts-exec, cts-cli), as Debian 13 packages
them, run against any pacemaker-execd, pacemaker-remoted or liblrmd.so.52.

Where to look: cli.py (options), suite.py (lanes from outside, the report), sandbox.py and
sandbox.sh (the inside of a lane is built), lane.py (tests run inside a lane), helper.c (the
suite's client for Debian 12, which packages none), releases.py (both releases side by side).
"""
