# SPDX-License-Identifier: MIT
"""Accesses and requests that VFIO has to refuse: at and past each end, of what is not there.

Each outcome is asserted by its error number, and that nothing reached a model which should not
have: CVE-2025-21687 was a missing check of the offset. Source: include/uapi/linux/vfio.h and
drivers/vfio/platform/vfio_platform_common.c of Linux 6.12.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from testbed.machine.assignment import Assignment
from testbed.machine.exposure import Exposure
from testbed.remoteport.device import Device
from testbed.scenario import Scenario
from testbed.scenario.accesses import Access, AccessRecorder
from testbed.scenario.tool import Tool

DEVICES = (
    "/soc/serial@11c500",  # shares its page, cannot be mapped
    "/soc/serial@11d000",
    "/soc/sata@221000",  # on Arm two regions, the second of 4 bytes
    "/soc/crypto@300000/jr@1000",
    "/soc/crypto@300000/jr@2000",
)

PAGE = 4096
END_OF_INDEX = 1 << 40  # how far region offsets are apart in the device's file
LAST_INDEX = (1 << 23) - 1  # of the offsets that a file position can hold
ALL_ONES = 0xFFFFFFFF
SIZES = (1, 2, 4, 8, 16, 4096)

DEVICE_INFO, REGION_INFO, IRQ_INFO, IRQ_SET = 16, 32, 16, 20  # bytes of each structure
NONE, BOOL, EVENTFD = 1, 2, 4
MASK, UNMASK, TRIGGER = 8, 16, 32
ACTIONS = (MASK, UNMASK, TRIGGER)
# Descriptors, which read the same in either byte order.
NO_DESCRIPTOR = "7f7f7f7f"
NO_LONGER = "ffffffff"  # -1 takes an eventfd back
STANDARD_INPUT = "00000000"

GET_INFO, GET_PCI_HOT_RESET_INFO, UNKNOWN = 0x6B, 0x70, 0xFF  # ioctl requests of VFIO


@dataclass(frozen=True)
class Case:
    """A command of vfio-bounds, its answer, and the accesses of (offset, size) that it makes."""

    command: str
    answer: str
    accesses: tuple[tuple[int, int], ...] = ()


def pieces(offset: int, count: int) -> tuple[tuple[int, int], ...]:
    """How VFIO cuts an access: the widest of 4, 2 and 1 bytes that is aligned and fits."""
    cut = []
    while count:
        width = next(w for w in (4, 2, 1) if count >= w and offset % w == 0)
        cut.append((offset, width))
        offset += width
        count -= width
    return tuple(cut)


def refused_offsets(size: int) -> tuple[int, ...]:
    """Offsets past the end of a region of `size` bytes, within what its index covers."""
    return (size, size + 1, size + 2, size + 4, size + PAGE, 1 << 32, END_OF_INDEX - 4)


def accesses_past_the_end(index: int, size: int) -> Iterator[Case]:
    for offset in refused_offsets(size):
        for count in (0, *SIZES):
            yield Case(f"read {index} {offset:#x} {count}", "error=EINVAL")
            data = "a5" * count or "-"
            yield Case(f"write {index} {offset:#x} {data}", "error=EINVAL")
    for offset in (0, size - 1):
        yield Case(f"read {index} {offset:#x} 0", "returned=0")
        yield Case(f"write {index} {offset:#x} -", "returned=0")
    yield Case(f"write-from-nowhere {index} 0 4", "error=EFAULT")


def accesses_across_the_end(index: int, size: int) -> Iterator[tuple[int, int, Case]]:
    """(offset, bytes inside, the read) of accesses that begin in a region and reach past it."""
    for count in SIZES:
        inside = min(4, max(1, count // 2), size)
        for left in {inside, 1}:  # the last byte alone, too
            offset = size - left
            taken = min(left, count)
            read = Case(
                f"read {index} {offset:#x} {count}", f"returned={taken}", pieces(offset, taken)
            )
            yield offset, taken, read


def refused_mapping(index: int, offset: int, length: int, word_bits: int) -> str:
    """Why a mapping is refused that VFIO would refuse: on a 32-bit machine others may be first.

    The kernel lets no driver be mapped beyond what an unsigned long counts in bytes (file_mmap_ok
    in mm/mmap.c): nothing of a region but the first. Pages beyond 32 bits the C library refuses.
    """
    start = index * END_OF_INDEX + offset
    counted = start + max(length, 1) <= 1 << word_bits
    if counted or offset % PAGE or not length or start >= PAGE << word_bits:
        return "error=EINVAL"
    return "error=EOVERFLOW"


def accesses_of_no_region(count: int, word_bits: int) -> Iterator[Case]:
    for index in (count, count + 1, 0xFFFF, LAST_INDEX, LAST_INDEX + 1, 2 * LAST_INDEX + 1):
        for size in (0, *SIZES):
            yield Case(f"read {index} 0 {size}", "error=EINVAL")
            yield Case(f"write {index} 0 {'5a' * size or '-'}", "error=EINVAL")
        yield Case(f"map {index} 0 {PAGE} rw shared", refused_mapping(index, 0, PAGE, word_bits))


def mappings(index: int, size: int, mappable: bool, word_bits: int) -> Iterator[Case]:
    whole = f"map {index} 0 {size} rw shared"
    yield Case(whole, "mapped=1" if mappable else "error=EINVAL")
    yield Case(f"map {index} 0 {size} r shared", "mapped=1" if mappable else "error=EINVAL")
    yield Case(f"map {index} 0 {size} rw private", "error=EINVAL")
    if mappable:
        # A mapping is whole pages, whatever length is asked for.
        yield Case(f"map {index} {size - PAGE:#x} 1 rw shared", "mapped=1")
        yield Case(f"grow {index} 0 {size} {size + PAGE}", "error=EFAULT")
    else:
        yield Case(f"map {index} 0 1 rw shared", "error=EINVAL")
    pages = -(-size // PAGE) * PAGE
    for offset, length in (
        (0, 0),
        (0, pages + 1),
        (0, pages + PAGE),
        (0, 1 << 30),
        (1, PAGE),
        (4, PAGE),
        (PAGE // 2, PAGE),
        (PAGE - 1, PAGE),
        (pages - PAGE, 2 * PAGE),
        (pages, PAGE),
        (pages + PAGE, PAGE),
        (END_OF_INDEX - PAGE, PAGE),
        (END_OF_INDEX - PAGE, 2 * PAGE),
    ):
        yield Case(
            f"map {index} {offset:#x} {length} rw shared",
            refused_mapping(index, offset, length, word_bits),
        )


def information(exposed: Exposure) -> Iterator[Case]:
    regions, interrupts = len(exposed.regions), len(exposed.interrupts)
    for size in (0, 4, DEVICE_INFO - 1):
        yield Case(f"device-info {size}", "error=EINVAL")
    for size in (DEVICE_INFO, ALL_ONES):
        yield Case(f"device-info {size}", f"regions={regions} interrupts={interrupts}")
    for command, count, structure in (
        ("region-info", regions, REGION_INFO),
        ("irq-info", interrupts, IRQ_INFO),
    ):
        for size in (0, 4, structure - 1):
            yield Case(f"{command} 0 {size}", "error=EINVAL")
        for index in (count, count + 1, 1 << 31, ALL_ONES):
            yield Case(f"{command} {index} {structure}", "error=EINVAL")
    for index, region in enumerate(exposed.regions):
        for size in (REGION_INFO, ALL_ONES):
            yield Case(f"region-info {index} {size}", f"size={region.size}")
    for index, interrupt in enumerate(exposed.interrupts):
        for size in (IRQ_INFO, ALL_ONES):
            yield Case(f"irq-info {index} {size}", f"count={interrupt.count}")
    yield Case(f"ioctl {GET_INFO}", "error=EFAULT")
    yield Case(f"ioctl {GET_PCI_HOT_RESET_INFO}", "error=ENOTTY")
    yield Case(f"ioctl {UNKNOWN}", "error=ENOTTY")


def set_irqs(
    index: int, start: int, count: int, flags: int, data: str = "-", *, size: int | None = None
) -> str:
    room = 4 if data == "eventfd" else len(data) // 2
    size = IRQ_SET + room if size is None else size
    return f"set-irqs {index} {start} {count} {flags} {size} {data}"


def interrupt_requests(count: int) -> Iterator[Case]:
    """Requests for interrupts that are none, of devices that have `count`."""
    for action in ACTIONS:
        one = action | NONE
        for index in (count, count + 1, 1 << 31, ALL_ONES):
            yield Case(set_irqs(index, 0, 1, one), "error=EINVAL")
        for start, lines in (
            (0, 2),
            (1, 1),
            (count, 0),
            (count, 1),
            (0, ALL_ONES),
            (1, ALL_ONES),
            (1, ALL_ONES - 1),
            (ALL_ONES, 0),
            (ALL_ONES, 1),
            (ALL_ONES, ALL_ONES),
            (ALL_ONES - 1, 2),
            (1 << 31, 1 << 31),
        ):
            yield Case(set_irqs(0, start, lines, one), "error=EINVAL")
            yield Case(set_irqs(0, start, lines, action | EVENTFD, "eventfd"), "error=EINVAL")
        for size in (0, IRQ_SET - 1):
            yield Case(set_irqs(0, 0, 1, one, size=size), "error=EINVAL")
        for size in (IRQ_SET, IRQ_SET + 1, IRQ_SET + 3):
            command = set_irqs(0, 0, 1, action | EVENTFD, "eventfd", size=size)
            yield Case(command, "error=EINVAL")
        yield Case(set_irqs(0, 0, 1, action | BOOL, "01", size=IRQ_SET), "error=EINVAL")
        for flags in (
            action,  # no data type
            action | NONE | BOOL,
            action | NONE | BOOL | EVENTFD,
            action | NONE | 1 << 6,
            action | NONE | 1 << 31,
        ):
            yield Case(set_irqs(0, 0, 1, flags), "error=EINVAL")
        for data_type, data in ((BOOL, "01"), (EVENTFD, "eventfd")):
            yield Case(set_irqs(0, 0, 0, action | data_type, data), "error=EINVAL")
        yield Case(set_irqs(0, 0, 1, action | EVENTFD, NO_DESCRIPTOR), "error=EBADF")
        yield Case(set_irqs(0, 0, 1, action | EVENTFD, STANDARD_INPUT), "error=EINVAL")
    for actions in (0, MASK | UNMASK, MASK | TRIGGER, MASK | UNMASK | TRIGGER):
        yield Case(set_irqs(0, 0, 1, actions | NONE), "error=ENOTTY")
    yield Case(set_irqs(0, 0, 0, MASK | NONE), "error=EINVAL")
    yield Case(set_irqs(0, 0, 0, UNMASK | NONE), "error=EINVAL")
    # What is right is taken, after all that.
    for action in ACTIONS:
        yield Case(set_irqs(0, 0, 1, action | EVENTFD, "eventfd"), "ok=1")
        yield Case(set_irqs(0, 0, 1, action | EVENTFD, NO_LONGER), "ok=1")
    for action in (MASK, UNMASK):
        yield Case(set_irqs(0, 0, 1, action | NONE), "ok=1")
        yield Case(set_irqs(0, 0, 1, action | BOOL, "01"), "ok=1")
    yield Case(set_irqs(0, 0, 0, TRIGGER | NONE), "ok=1")


def state_of(model: Device) -> dict[str, Any]:
    """What a model holds, without times, which are floating-point and go on."""

    def timeless(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: timeless(item) for key, item in value.items()}
        if isinstance(value, list):
            return [timeless(item) for item in value]
        return None if isinstance(value, float) else value

    with model.lock:
        state: dict[str, Any] = timeless(model.save())
    return state


class Bounds(Scenario):
    # A job ring cannot be taken from its driver while the kernel tests its algorithms.
    host_append = "cryptomgr.notests"

    def test(self) -> None:
        for path in DEVICES:
            assigned = self.host.assign(path)
            argv = ["/testbed/bin/vfio-bounds", assigned.name]
            models = self.host.models.by_path.values()
            with Tool(self.host.agent, argv, self.deadline(20)) as tool:
                tool.ask(f"device-info {DEVICE_INFO}", self.deadline(20))  # it has the device
                with AccessRecorder(models) as self.recorder:
                    self.refuses(assigned, tool)
                tool.finish(self.deadline(20))
            self.host.release(assigned)

    def refuses(self, assigned: Assignment, tool: Tool) -> None:
        model = self.host.model(assigned.path)
        regions = assigned.exposed.regions
        before = state_of(model)
        word_bits = self.host.board.word_bits

        for index, region in enumerate(regions):
            for case in accesses_past_the_end(index, region.size):
                self.check(case, index, model.name, tool)
            for offset, inside, read in accesses_across_the_end(index, region.size):
                held = self.check(read, index, model.name, tool)["data"]
                self.write_back(index, offset, inside, held, model.name, tool)
            for case in mappings(index, region.size, "mmap" in region.flags, word_bits):
                self.check(case, index, model.name, tool)
        for case in (
            *accesses_of_no_region(len(regions), word_bits),
            *information(assigned.exposed),
            *interrupt_requests(len(assigned.exposed.interrupts)),
        ):
            self.check(case, 0, model.name, tool)

        after = state_of(model)
        changed = [name for name in before | after if before.get(name) != after.get(name)]
        assert not changed, f"{assigned.path} holds another {', '.join(changed)} than before"
        assert self.host.succeed("echo alive") == "alive\n"

    def check(self, case: Case, region: int, name: str, tool: Tool) -> dict[str, str]:
        """Give the command; AssertionError when its answer or its accesses are others."""
        answer = tool.ask(case.command, self.deadline(20))
        wanted = dict(word.split("=") for word in case.answer.split())
        assert wanted.items() <= answer.items(), (
            f"{name}: {case.command[:80]}: {answer}, not {case.answer}"
        )
        write = case.command.startswith("write")
        made = self.recorder.take()
        expected = [Access(name, write, region, offset, size) for offset, size in case.accesses]
        assert made == expected, (
            f"{name}: {case.command[:80]} made {', '.join(map(str, made)) or 'no access'},"
            f" not {', '.join(map(str, expected)) or 'any'}"
        )
        return answer

    def write_back(
        self, region: int, offset: int, inside: int, held: str, name: str, tool: Tool
    ) -> None:
        """Write what a region's last bytes hold, and something else past its end."""
        for past in (0, 1, 4, 4096):
            case = Case(
                f"write {region} {offset:#x} {held}{'a5' * past}",
                f"returned={inside}",
                pieces(offset, inside),
            )
            self.check(case, region, name, tool)
