# SPDX-License-Identifier: MIT
"""Exit statuses as `git bisect run` takes them.

0 is a good commit, 125 one to be passed over, any other below 128 a bad one; 128 and more end the
bisection. So all that is no judgement on the commit has to be 128 or more: taken for the commit's,
a mistake of anything else would have git name the wrong one.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable

GOOD, BAD, SKIP, END = 0, 1, 125, 128


def judge_or_end(command: Callable[[], int]) -> int:
    """The status of `command` where that is a judgement, else one that ends the bisection."""
    try:
        status = command()
    except SystemExit as end:  # of a command line that asks for help, or cannot be read
        status = end.code if isinstance(end.code, int) else GOOD
    except Exception:
        traceback.print_exc()
        return END
    return status if status in (GOOD, BAD, SKIP) else END | status
