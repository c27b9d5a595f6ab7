# SPDX-License-Identifier: LGPL-2.1-or-later
"""What ends a run with one line on standard error instead of a traceback."""


class BenchError(Exception):
    """The run cannot go on; the text says what to do."""
