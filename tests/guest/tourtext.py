"""What the tour's scenes have printed, taken apart."""

import re

from tap import equal

COMPARED = ("context word", "RCU watching", "watching counter", "task and irq nesting", "nmi nesting", "guard bits", "step depth",
            "vector depth", "locks held", "interrupts on", "text bytes (checksum)", "free frames", "W^X violations")
HEALTH = re.compile(r" +(\S.*?) +([0-9a-f]+) +([0-9a-f]+)  (same|has idled|processes run|DIFFERENT)")


def scenes(text):
    """The output, cut where a scene begins."""
    return re.split(r"^=== Scene (?=\d)", text, flags=re.M)[1:]


def has_idled(what, before, after, verdict):
    """A wait on the way leaves the CPU idle for a while: two steps of the counter each time."""
    grown = int(after, 16) - int(before, 16)
    return (what, verdict) == ("watching counter", "has idled") and grown > 0 and grown % 2 == 0


def has_grown(what, before, after, verdict):
    """Processes get pages as they first touch them."""
    return (what, verdict) == ("free frames", "processes run") and abs(int(after, 16) - int(before, 16)) <= 128


def check_health(scene, name):
    lines = [line.groups() for line in map(HEALTH.fullmatch, scene.splitlines()) if line]
    equal([line[0] for line in lines], list(COMPARED), f"{name}: all accounts were compared")
    equal([line for line in lines if line[3] != "same" and not has_idled(*line) and not has_grown(*line)], [], f"{name}: … and are the same", scene)
    values = {line[0]: int(line[2], 16) for line in lines}
    wanted = {"RCU watching": 1, "nmi nesting": 0, "guard bits": 0, "step depth": 0, "vector depth": 0, "locks held": 0,
              "interrupts on": 1, "W^X violations": 0}
    equal({key: values.get(key) for key in wanted}, wanted, f"{name}: … and as they should be at rest")
    return values


def pictures(scene):
    """What each "nest" of a scene has drawn, but interrupts and processes' faults, which come when they come."""
    drawn = re.findall(r"^# nest\n((?:.+\n)*)", scene, re.M)
    return ["".join(line + "\n" for line in text.splitlines() if not re.search(r" (?:vec\d+|irq\d+|#PF) ", line)) for text in drawn]
