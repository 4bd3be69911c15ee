#!/usr/bin/python3
"""Every instruction of hidden C, probed with kprobes/unsafe on: whatever recursion that makes, the kernel comes back."""

import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
import tap

KERNEL = os.environ.get("KERNEL") or os.path.join(nestling.ROOT, "build/nestling.elf")
SECTIONS = (".noinstr.text", ".kprobes.text")
BATCH = 80  # probes a boot


def instructions():
    """symbol+offset of each instruction in the hidden sections of C."""
    command = ["objdump", "-d", "--no-show-raw-insn"] + [word for s in SECTIONS for word in ("-j", s)] + [KERNEL]
    name = base = None
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        function = re.match(r"([0-9a-f]+) <(\S+)>:", line)
        if function:
            name, base = function[2], int(function[1], 16)
            continue
        place = re.match(r"\s*([0-9a-f]+):\t", line)
        if place and name and not re.match(r"__\w+_(start|end)$", name):
            yield f"{name}+{int(place[1], 16) - base}"


def script(places):
    """For each place: a probe there, another one to set things off, the hit, and the comparison with before."""
    lines = [f"cd {nestling.TRACING}", "echo 1 > kprobes/unsafe", "echo 1 > health"]
    for place in places:
        lines += [
            f"echo @{place}",
            "echo p:first tracing_on_show+5 > kprobe_events",
            f"echo p:x {place} >> kprobe_events",
            "echo 1 > events/kprobes/x/enable",
            "echo 1 > events/kprobes/first/enable",
            "cat tracing_on",
            "echo 0 > events/kprobes/x/enable",
            "echo 0 > events/kprobes/first/enable",
            "echo > kprobe_events",
            "cat health",
        ]
    return "\n".join(lines) + "\n"


def judge(place, said):
    """None when all is well; "refused" for an instruction that can't be displaced; otherwise what is wrong."""
    if "sh: kprobe_events: write error: Invalid argument" in said:
        return "refused"
    if "DIFFERENT" in said:
        return [line for line in said.splitlines() if "DIFFERENT" in line][0].strip()
    if not re.search(r"^1$", said, re.M):
        return "the hit function didn't answer"
    if len(re.findall(r" (same|has idled|processes run)$", said, re.M)) < 13:
        return "no health report"
    return None


def main():
    places = list(instructions())
    tap.ok(len(places) > 500, "the hidden sections have instructions to probe", len(places))
    wrong, refused, busts = [], 0, 0
    for i in range(0, len(places), BATCH):
        batch = places[i : i + BATCH]
        result = nestling.run(script(batch))
        parts = result.stdout.split("@")[1:]
        if len(parts) != len(batch):
            wrong.append(f"{batch[len(parts) - 1]}: the kernel didn't come back ({result.status})")
        for part in parts:
            place, _, said = part.partition("\n")
            verdict = judge(place, said)
            busts += "bust_kprobes:" in said
            refused += verdict == "refused"
            if verdict not in (None, "refused"):
                wrong.append(f"{place}: {verdict}")
    tap.note(f"{len(places)} places, {refused} refused, {busts} recursions undone")
    tap.equal(wrong, [], "each probe in hidden text is survived, with nothing left different")
    tap.ok(busts > 50, "many of them do recurse", busts)
    tap.ok(20 * refused < len(places), "few can't be probed: less than one in twenty", refused)
    tap.done()


main()
