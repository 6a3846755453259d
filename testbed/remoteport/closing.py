# SPDX-License-Identifier: MIT
"""`with` for what has to be closed."""

from __future__ import annotations

from typing import Self


class Closing:
    """Closed at the end of a `with` statement, whatever ended it."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
