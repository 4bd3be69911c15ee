#!/usr/bin/python3
"""explain: what it says of an instruction is what the ELF file, the probe machinery and a hit say."""

import re
import sys

sys.dont_write_bytecode = True
from elf import Elf
from nestling import run
from tap import contains, done, equal, ok

KERNEL = Elf()
CODE = KERNEL.disassembly()
MARK = "echo --\n"
CUT = "--\n"
TECHNIQUES = ("step", "int3", "emulate", "boost", "jump", "ftrace")
VISIBLE = {s.name for s in KERNEL.functions(".text") if sum(o.name == s.name for o in KERNEL.symbols) == 1}


def place_of(pattern):
    """The first visible instruction whose text this is, past its function's entry: "SYM+0xOFF" and itself."""
    for name, body in CODE.items():
        for insn in body[1:] if name in VISIBLE else ():
            if re.match(pattern, insn.text):
                return f"{name}+0x{insn.offset:x}", insn
    raise ValueError(pattern)


def fields(text):
    return dict(line.split(None, 1) for line in text.splitlines() if " " in line and not line.startswith("("))


def image(addr, size):
    section = next(s for s in KERNEL.sections if s.addr <= addr < s.addr + s.size)
    return KERNEL.bytes_of(section)[addr - section.addr:][:size]


ENTRY = "tracing_on_show"
RELATIVE, relative = place_of(r"mov +0x[0-9a-f]+\(%rip\),%r[a-d]x")
CALL, call = place_of("call ")
CLI, cli = place_of("cli$")
UD2, ud2 = place_of("ud2$")
PUSH, push = place_of("push +%rbp")

GOOD = [ENTRY, RELATIVE, CALL, CLI, UD2, "do_int3", f"0x{relative.addr:x}", PUSH]
script = "".join(f"explain {place}\n{MARK}" for place in GOOD)
script += f"echo 'p:x {ENTRY}+{CODE[ENTRY][1].offset}' > kprobe_events; echo 1 > events/kprobes/x/enable\n"
script += f"cat tracing_on tracing_on tracing_on\nexplain {ENTRY}+{CODE[ENTRY][1].offset}\n{MARK}"
script += f"echo 0 > events/kprobes/x/enable\nexplain {ENTRY}+{CODE[ENTRY][1].offset}\n{MARK}echo > kprobe_events\n"
script += f"echo int3 > kprobes/technique; explain {CALL}\n{MARK}"
script += f"explain {PUSH}\n{MARK}echo auto > kprobes/technique; cat kprobes/list\n"
result = run(script, icount=1, timeout=120)
equal(result.status, 0, "status 0", result.stdout, result.stderr)
*answers, rest = result.stdout.split(CUT)
equal(rest, "", "no probe is left behind")
entry, by_symbol, called, hidden_irq, undefined, hidden, by_address, pushed, hit, disabled, forced, forced_push = map(
    fields, answers)

size = KERNEL.by_name[ENTRY].size
equal(entry["place"], f"{ENTRY}+0x0/0x{size:x}, 0x{KERNEL.by_name[ENTRY].addr:x}", "an entry: its place")
equal(entry["boundary"], "instruction 1 of its function, in .text", "… boundary and section")
equal(entry["site"], "the tracer's at the function's entry", "… what is there")
equal(entry["text"], "nopl 0x0(%rax,%rax,1)", "… decoded")
equal(entry["chosen"], "ftrace", "… the technique that auto takes")

code = image(relative.addr, 7)
equal(by_symbol["bytes"], code.hex(" "), "rip-relative: the bytes are the image's")
number = next(i for i, insn in enumerate(CODE[RELATIVE.split("+")[0]], 1) if insn.addr == relative.addr)
equal(by_symbol["boundary"], f"instruction {number} of its function, in .text", "… its number, counted from the start")
wanted = re.sub(r" +", " ", re.sub(r"<.*>", "", relative.text).replace("# ", "# 0x")).strip()
equal(re.sub(r" +", " ", re.sub(r"<.*>", "", by_symbol["text"])).strip(), wanted, "… the text is objdump's")
copy = re.fullmatch(r"([0-9a-f ]+), at 0x([0-9a-f]+): the displacement (-?\d+) has become (-?\d+)", by_symbol["copy"])
if ok(copy, "… its copy", by_symbol["copy"]):
    moved, at, old, new = bytes.fromhex(copy[1]), int(copy[2], 16), int(copy[3]), int(copy[4])
    equal(moved[:3] + moved[7:], code[:3] + code[7:], "… differs in nothing but the displacement")
    equal(int.from_bytes(moved[3:7], "little", signed=True), new, "… which is the one that is named")
    equal(at + new, relative.addr + old, "… and reaches the same operand")
equal(by_symbol["fix-up"], "after a step: ip is moved back", "… the fix-up")
equal([by_address[k] for k in ("place", "bytes", "text")], [by_symbol[k] for k in ("place", "bytes", "text")],
      "by address it is the same place")

equal(called["fix-up"], "after a step: ip and the return address are moved back", "a call: the fix-up")
for technique in ("int3", "boost"):
    equal(called[technique], "refused: Instruction can't be followed by another in its copy: it transfers control",
          f"… no {technique}, with the reason")
equal(called["chosen"], "emulate", "… auto emulates it")
target = re.search(r"<(\S+)>", call.text)[1]
contains(called["text"], f"<{target}+0x0>", "… and whom it calls is named")
equal(hidden_irq["copy"], "none: it is emulated", "cli has no copy")
equal([t for t in TECHNIQUES if hidden_irq[t].startswith("applies")], ["emulate"], "… and one technique")
equal(undefined["refused"], "Instruction can't be displaced: it always faults", "ud2 is refused, with the reason")
equal(hidden["refused"], "Probe point is hidden in .noinstr.text: see kprobes/unsafe", "hidden code likewise")
ok("chosen" not in hidden, "… without techniques")

equal(hit["probe"], "by emulate, 3 hits, 0 missed", "a probe there: the technique in effect, hits and misses")
contains(disabled["probe"], "[DISABLED]", "… and that it is off")
equal(hit["bytes"], image(CODE[ENTRY][1].addr, 1).hex(), "… its int3 is looked through")
equal(forced["chosen"], "none: Instruction can't be followed by another in its copy: it transfers control",
      "kprobes/technique asks for what doesn't apply: nothing is chosen")
ok(forced["step"].startswith("applies"), "… what would apply is still told")
equal(forced_push["chosen"], "int3", "… and taken where it does")

costs = {t: int(m[1]) for t in TECHNIQUES if (m := re.fullmatch(r"applies; a hit adds (\d+) ticks to a nop", entry[t]))}
equal(sorted(costs), sorted(t for t in TECHNIQUES if entry[t].startswith("applies")), "each that applies has its cost")
ok(all(20 < ticks < 5000 for ticks in costs.values()), "… in instructions, here", costs)
ok(costs["ftrace"] < costs["boost"] < costs["step"], "… no trap costs less than one, one less than two", costs)
equal(pushed["boost"], entry["boost"], "… which is the same each time: it's a nop's, not the place's")

middle = f"0x{relative.addr + 1:x}"
BAD = (
    ("nosuch", "no function is called 'nosuch'", "No such file or directory"),
    ("x" * 80, f"no function is called '{'x' * 80}'", "No such file or directory"),
    (f"{ENTRY}+x", "'x' is no offset", "Invalid argument"),
    (f"{ENTRY}+0x{size:x}", f"'{ENTRY}' has {size} bytes only", "Invalid argument"),
    ("0x1000", "0x1000 is not in kernel text", "Invalid argument"),
    ("12x", "'12x' is no address", "Invalid argument"),
    ("''", "no function is called ''", "No such file or directory"),
    (middle, f"{middle} is inside the 7 bytes of the instruction at {RELATIVE}: {by_symbol['text'].split(' <')[0]}",
     "Invalid or incomplete multibyte or wide character"),
)
result = run("".join(f"explain {argument}\n" + MARK for argument, _, _ in BAD) + "cat kprobes/list\n")
*answers, rest = result.stdout.split(CUT)
equal((result.status, rest), (1, ""), "bad input: status 1, and no probe is left behind", result.stderr)
for (argument, why, error), answer in zip(BAD, answers):
    equal(answer, f"explain: {why}\nsh: explain: {error}\n", f"explain {argument[:20]}: what is wrong")
done()
