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

# Why an instruction of hidden C may be refused, and what it must be for that.
REASONS = {
    "A static key's branch: its bytes change when the key is switched": r"nopl? |nop|jmp ",
    "Instruction can't be displaced: a software interrupt": r"int ",
    "Instruction can't be displaced: hlt or mwait": r"hlt|mwait",
    "Instruction can't be displaced: sti would lose its hold on interrupts before hlt": r"sti",
}


def lines_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def instructions():
    """symbol+offset of each instruction in the hidden sections of C, up to the function's end, and how objdump writes it."""
    sizes = {int(words[0], 16): int(words[1], 16) for words in map(str.split, lines_of("nm", "-S", KERNEL)) if len(words) == 4}
    name = base = None
    for line in lines_of("objdump", "-d", "--no-show-raw-insn", *(word for s in SECTIONS for word in ("-j", s)), KERNEL):
        function = re.match(r"([0-9a-f]+) <(\S+)>:", line)
        if function:
            name, base = function[2], int(function[1], 16)
            continue
        place = re.match(r"\s*([0-9a-f]+):\t(.*)", line)
        if place and int(place[1], 16) - base < sizes.get(base, 0):
            yield f"{name}+{int(place[1], 16) - base}", place[2]


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


def reasons(places):
    """Why each is refused, as error_log has it."""
    result = nestling.run(f"cd {nestling.TRACING}\necho 1 > kprobes/unsafe\n" + "".join(
        f"echo @\necho > error_log\necho p:x {place} > kprobe_events\ncat error_log\n" for place in places))
    return [(re.findall(r"trace_kprobe: error: (.*)", part) or ["none"])[-1] for part in result.stdout.split("@")[1:]]


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
    insns = dict(instructions())
    places = list(insns)
    tap.ok(len(places) > 500, "the hidden sections have instructions to probe", len(places))
    wrong, refused, busts = [], [], 0
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
            if verdict == "refused":
                refused.append(place)
            elif verdict:
                wrong.append(f"{place}: {verdict}")
    why = reasons(refused)
    tap.note(f"{len(places)} places, {len(refused)} refused, {busts} recursions undone")
    tap.equal(wrong, [], "each probe in hidden text is survived, with nothing left different")
    tap.ok(busts > 50, "many of them do recurse", busts)
    tap.equal(len(why), len(refused), "each that is refused has a reason")
    tap.equal([(place, insns[place], w) for place, w in zip(refused, why) if not re.match(REASONS.get(w, "(?!)"), insns[place])], [],
              "… which is true of it")
    tap.done()


main()
