# SPDX-License-Identifier: LGPL-2.1-or-later
"""The packages, judged by their distributions' tools and installed under a real systemd.

Where to look: run (the command), outside.py (builds and judges them, starts sandboxes of the executor
suite's kind), rpm.py (what an RPM has and needs), inside.py (installs, upgrades, removes).
"""
