# SPDX-License-Identifier: LGPL-2.1-or-later
"""Executor daemons measured in turn, in one run, by the same unmodified client."""
