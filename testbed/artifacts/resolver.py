# SPDX-License-Identifier: MIT
"""Selections for wishes: pinned, kept, or newly taken from the archive, in that order.

What was pinned is kept too, if asked for: the runs that follow use it, until a refresh.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from testbed.artifacts.archive import Archive
from testbed.artifacts.cache import Cache
from testbed.artifacts.commands import Commands
from testbed.artifacts.failure import failure, writing
from testbed.artifacts.mirrors import Mirrors
from testbed.artifacts.progress import Progress
from testbed.artifacts.selection import Selection, Selections, Wish

Resolve = Callable[[Archive, Wish], Selection]


class Resolver:
    """`pinned` maps digests of wishes to selections; with it, nothing else is used.

    Without `remember` that is so for this one only, and later ones use what they did.
    """

    def __init__(
        self,
        cache: Cache,
        commands: Commands,
        progress: Progress,
        mirrors: Callable[[], Mirrors],
        *,
        refresh: bool = False,
        pinned: Mapping[str, Selection] | None = None,
        remember: bool = True,
    ) -> None:
        self._cache = cache
        self._commands = commands
        self._progress = progress
        self._mirrors = mirrors
        self._refresh = refresh
        self._pinned = pinned
        self._remember = remember
        self._kept = Selections(cache)

    def resolve(self, wishes: Sequence[tuple[Wish, Resolve]]) -> list[Selection]:
        """A selection for each wish, in order. Raises TestbedError."""
        if self._pinned is not None:
            return [self._from_pinned(wish, self._pinned) for wish, _ in wishes]
        known = self._load(wishes)
        if any(selection is None for selection in known):
            with self._cache.lock("archive", "the archive's index", self._progress) as waited:
                if waited and not self._refresh:
                    known = self._load(wishes)
                known = self._resolve(wishes, known)
        return [selection for selection in known if selection is not None]

    def known(self, wishes: Sequence[tuple[Wish, Resolve]]) -> list[Selection] | None:
        """A selection for each wish if all are pinned or kept; the archive is not asked."""
        if self._pinned is not None:
            found = [self._pinned.get(wish.digest) for wish, _ in wishes]
        else:
            found = self._load(wishes)
        known = [selection for selection in found if selection is not None]
        return known if len(known) == len(found) else None

    def _load(self, wishes: Sequence[tuple[Wish, Resolve]]) -> list[Selection | None]:
        if self._refresh:
            return [None] * len(wishes)
        return [self._kept.load(wish) for wish, _ in wishes]

    def _resolve(
        self, wishes: Sequence[tuple[Wish, Resolve]], known: Sequence[Selection | None]
    ) -> list[Selection | None]:
        archive = Archive(self._cache.apt, self._mirrors(), self._commands)

        def one(wish: Wish, resolve: Resolve) -> Selection:
            with (
                writing("the archive's index", self._cache.root),
                self._progress.step(f"resolve {wish.name}"),
            ):
                selection = resolve(archive, wish)
            self._kept.save(selection)
            return selection

        with ThreadPoolExecutor(len(wishes)) as pool:
            futures = [
                None if selection is not None else pool.submit(one, wish, resolve)
                for (wish, resolve), selection in zip(wishes, known, strict=True)
            ]
            try:
                return [
                    selection if future is None else future.result()
                    for future, selection in zip(futures, known, strict=True)
                ]
            except BaseException:
                self._commands.stop()
                raise

    def _from_pinned(self, wish: Wish, pinned: Mapping[str, Selection]) -> Selection:
        selection = pinned.get(wish.digest)
        if selection is None:
            names = ", ".join(selection.wish.name for selection in pinned.values())
            raise failure(
                f"the pinned manifest does not say what to use for {wish.name} (it has: {names}); "
                "use the revision of the testbed that wrote it, and the same QEMU"
            )
        if self._remember and self._kept.load(wish) != selection:
            self._kept.save(selection)
        return selection
