# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests of the remote daemon under unmodified clusters: Pacemaker 2.1 and 3.0.

A scenario is one lab and the tests that share it, in order.  Where to look: scenario.py
(what a test can ask and do), everyday.py, recovery.py, mixed.py, nodes.py, library.py (the scenarios), tools.py
(Pacemaker's tools inside a remote host), runner.py (labs side by side, the report).
"""
