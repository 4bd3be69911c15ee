#!/usr/bin/python3
"""What is hidden: scene 2. The recursion and the way back: scenes 4, 9 and 10, again and again, their picture held against the ring; what policies let through: 7; hits in steps: 8."""

import os
import re
import struct
import sys

sys.dont_write_bytecode = True
from elf import Elf
from nestling import run
from qmp import Guest
from tap import contains, done, equal, ok

STRESS = max(1, int(os.environ.get("STRESS") or 1))
KERNEL = Elf()
BUST = re.compile(r"bust_kprobes: (\d+) traps inside each other at rcu_nmi_enter\+0x0/0x[0-9a-f]+, over (\d+) bytes of stack;"
                  r" 2 probe\(s\) disarmed, resuming")
COMPARED = ("context word", "RCU watching", "watching counter", "task and irq nesting", "nmi nesting", "guard bits", "step depth",
            "vector depth", "locks held", "interrupts on", "text bytes (checksum)", "free frames", "W^X violations")
STREAM_FRAMES = 24  # its text and its thread's stack
HEALTH = re.compile(r" +(\S.*?) +([0-9a-f]+) +([0-9a-f]+)  (same|has idled|processes run|DIFFERENT)")


def scenes(text):
    """The output, cut where a scene begins."""
    return re.split(r"^=== Scene (?=\d)", text, flags=re.M)[1:]


def check_recovery(scene, name):
    busts = [found for line in scene.splitlines() if (found := BUST.fullmatch(line))]
    ok(len(busts) == 1, f"{name}: recovered once, from rcu_nmi_enter, with both probes out", scene)
    depth, stack = (int(busts[0][1]), int(busts[0][2])) if busts else (0, 0)
    ok(depth > 20, f"{name}: it was {depth} deep, more than 20", scene)
    ok(8192 < stack <= 16384, f"{name}: … over most of the 16 KiB stack: {stack} bytes")
    contains(scene, "\n# cat tracing_on\nbust_kprobes: ", f"{name}: it was cat that ran into it")
    contains(scene, "resuming\n1\n", f"{name}: … and that gave its answer all the same")


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


def check_wx(scene):
    before, after = scene.split("During and after:")
    for when, text in (("before", before), ("after", after)):
        walked = re.findall(r"^  the tables .*, +(\d+) executable, (\d+) of those writable", text, re.M)
        ok(len(walked) == 2 and all(int(x) > 0 and w == "0" for x, w in walked), f"scene 10, {when}: W^X, in both tables", text)
        tried = re.findall(r"^  write to .* [0-9a-f]{16}: (.*)$", text, re.M)
        ok(len(tried) >= 7 and all(t.startswith("faults: ") for t in tried), f"scene 10, {when}: no write goes through", text)
    contains(after, "during the last of 2 observed pokes", "scene 10: the emergency's two pokes were watched")
    contains(after, "the one name is the alias: writable, not executable, in these tables only",
             "scene 10: during the poke nothing but the alias was writable")


def check_all(result, rounds, how):
    equal(result.status, 0, f"{how}: status 0", result.stdout[-3000:], result.stderr)
    equal(result.stdout.count("alive\n"), rounds, f"{how}: alive, {rounds} time(s)")
    ok(result.stdout.endswith("alive\n"), f"{how}: … at the end, too", result.stdout[-500:])
    found = scenes(result.stdout)
    equal([int(re.match(r"\d+", scene)[0]) for scene in found], [4, 10] * rounds, f"{how}: both scenes, in turn")
    accounts = []
    for i, scene in enumerate(found):
        name = f"{how}, scene {scene.split(':')[0]}" + (f", round {i // 2 + 1}" if rounds > 1 else "")
        check_recovery(scene, name)
        accounts.append(check_health(scene, name))
        if i == 1:
            check_wx(scene)
    # The first time processes touch pages that they then have; later it may be that a stream hasn't been given back yet.
    frames = [values.get("free frames", 0) for values in accounts[2:]]
    sums = {values.get("text bytes (checksum)") for values in accounts}
    equal(len(sums), 1, f"{how}: not a byte of text changed, over all rounds")
    if frames:
        ok(max(frames) - min(frames) <= STREAM_FRAMES, f"{how}: not a frame lost, either", frames)


def test_recovers():
    check_all(run("tour 4; tour 10; echo alive"), 1, "pvh")
    check_all(run("tour 4; tour 10; echo alive", boot="iso"), 1, "iso")
    check_all(run("tour 4; tour 10; echo alive", icount=1), 1, "counting instructions")
    rounds = 3 * STRESS
    check_all(run("tour 4; tour 10; echo alive\n" * rounds), rounds, "again and again")


def pictures(scene):
    """What each "nest" of a scene has drawn, but interrupts and processes' faults, which come when they come."""
    drawn = re.findall(r"^# nest\n((?:.+\n)*)", scene, re.M)
    return ["".join(line + "\n" for line in text.splitlines() if not re.search(r" (?:vec\d+|irq\d+|#PF) ", line)) for text in drawn]


def test_nested_hits():
    """Scenes 8 and 9: a hit inside a step is executed and counted; a recursion on the way out is ended, and the step isn't lost."""
    result = run("tour 8; tour 9; echo alive")
    equal((result.status, result.stdout[-6:]), (0, "alive\n"), "scenes 8 and 9 play, and the kernel goes on", result.stdout, result.stderr)
    nested, unrecoverable = scenes(result.stdout)
    copies = r"0xffffffff[0-9a-f]{8}"
    outer, inner = r"tracing_on_show\+0x6/0x[0-9a-f]+", r"fetch_store\+0x6/0x[0-9a-f]+"
    wanted = [(1, r"\\ #BP hit at " + outer), (2, r"\| \\ #BP hit at " + inner), (2, r"\| / #BP returns to " + copies),
              (2, r"\| \\ #DB hit at " + copies), (2, r"\| / #DB returns to " + inner), (1, r"/ #BP returns to " + copies),
              (1, r"\\ #DB hit at " + copies), (1, r"/ #DB returns to " + outer)]
    picture = pictures(nested)[0]
    ok(re.fullmatch("".join(rf" +{depth} {line}\n" for depth, line in wanted), picture),
       "scene 8: two steps, one inside the other, each to its end", picture)
    contains(nested, "\n# cat tracing_on\n1\n# nest\n", "scene 8: the file says what it says")
    equal(re.findall(r"^  (outer|inner) +(\d+) +(\d+)$", nested, re.M), [("outer", "1", "0"), ("inner", "0", "1")],
          "scene 8: one was recorded, the other was missed, and counted")
    contains(nested, "probe      by step, 1 hits, 0 missed", "scene 8: … as explain says")
    check_health(nested, "scene 8")
    contains(unrecoverable, "\n# echo p:tour/exit rcu_nmi_exit >> kprobe_events\nsh: kprobe_events: write error: Invalid argument\n",
             "scene 9: refused, at first")
    bust = re.search(r"\n# cat tracing_on\nbust_kprobes: (\d+) traps inside each other at rcu_nmi_exit\+0x0/0x[0-9a-f]+, over \d+ bytes"
                     r" of stack; 2 probe\(s\) disarmed, resuming\n1\n", unrecoverable)
    ok(bust and int(bust[1]) > 20, "scene 9: then it recurses, is ended, and the file is read", unrecoverable)
    picture = pictures(unrecoverable)[0]
    ok(re.search(rf"^ +2 \| <== #DF resumes at rcu_nmi_exit\+0x0/.*\n.*\n +1 / #BP returns to {copies}\n +1 \\ #DB hit at {copies}\n"
                 rf" +1 / #DB returns to {outer}$", picture, re.M), "scene 9: the step that was prepared is done", picture)
    check_health(unrecoverable, "scene 9")


def test_policies():
    """Scene 7: what each policy lets through, and how often it has dropped something."""
    result = run("tour 7; cat recursion/policy; echo alive")
    equal((result.status, result.stdout[-6:]), (0, "alive\n"), "scene 7 plays, and the kernel goes on", result.stdout, result.stderr)
    trace = result.stdout.split("# cat trace\n")[1].split("\n\n")[0]
    seen = [(marker.split("\n")[0], sorted(re.findall(r": (fetch_store|inner:|outer:|tracing_on_show) ", marker)))
            for marker in trace.split("tracing_mark_write: ")[1:]]
    wanted = {"none": ["inner:", "fetch_store"], "flag": [], "kind": ["fetch_store"], "context": ["inner:", "fetch_store"], "stack": ["fetch_store"]}
    equal(seen, [(policy, sorted(inside + ["outer:", "tracing_on_show"])) for policy, inside in wanted.items()], "scene 7: what each records", trace)
    contains(result.stdout, "\nfunction 1\ntracepoint 0\nkprobe 3\nmissed 0\n", "scene 7: what they have dropped")
    contains(result.stdout, "\nnone flag kind [context] stack\nalive\n", "scene 7: the usual policy is back")
    check_health(result.stdout, "scene 7")


def test_everything_works_afterwards():
    result = run("tour 4\necho strcmp > set_ftrace_filter; echo function > current_tracer; cd; echo nop > current_tracer\n"
                 "echo p:again tracing_on_show+5 > kprobe_events; echo 1 > events/kprobes/again/enable\n"
                 "cat tracing_on; cat kprobe_profile; echo 1 > tracing_on; cat trace; cat kprobes/unsafe; ls events/kprobes; cat events/enable")
    equal(result.status, 0, "after a recovery: tracing and probing succeed", result.stdout, result.stderr)
    after = result.stdout[result.stdout.rindex("goes on."):]
    contains(after, "\n1\n  again ", "after a recovery: the probed command answers")
    ok(re.search(r"^  again +1 +0$", after, re.M), "… and its probe is hit once", after)
    ok(re.search(r": strcmp <-", after) and re.search(r": again: \(tracing_on_show\+0x5/", after), "… as the trace says", after)
    ok(after.endswith("\n0\nagain/\nenable\nfilter\nX\n"), "… and the tour has closed what it opened, and left no event", after[-200:])


SECTION = re.compile(r"(\.[\w.]+) +(\d+) functions +(\d+) bytes(  hidden)?")


def checker_says():
    """{section: (functions, bytes)}, as tools/noinstr-check left it beside the kernel."""
    with open(os.path.join(os.path.dirname(KERNEL.path), "noinstr.txt"), encoding="utf-8") as file:
        return {name: (int(n), int(size)) for name, n, size in re.findall(r"(\.\w+\.text) (\d+) functions, (\d+) bytes", file.read())}


def test_hiding():
    result = run("tour 2; echo alive")
    equal((result.status, result.stdout[-6:]), (0, "alive\n"), "scene 2 plays, and the kernel goes on", result.stdout, result.stderr)
    shown = {m[1]: (int(m[2]), int(m[3]), bool(m[4])) for m in map(SECTION.fullmatch, result.stdout.splitlines()) if m}
    equal({name: row[:2] for name, row in shown.items() if row[2]}, checker_says(), "scene 2: what is hidden, as the checker counted it")
    equal({name: row[1] for name, row in shown.items()}, {name: KERNEL.section(name).size for name in shown},
          "scene 2: … and as the ELF has it")
    equal(sorted(shown), [".entry.text", ".kprobes.text", ".noinstr.text", ".text"], "scene 2: … all four sections")
    for command in ("rcu_nmi_enter > set_ftrace_filter", "p:tour/early do_int3 >> kprobe_events", "p:tour/self kprobe_int3 >> kprobe_events"):
        contains(result.stdout, f"\n# echo {command}\nsh: {command.split()[-1]}: write error: Invalid argument\n", f"scene 2: {command}: refused")
    equal(result.stdout.count("\n# echo p:tour/stub asm_exc_int3 >> kprobe_events\nsh: kprobe_events: write error: Invalid argument\n"), 2,
          "scene 2: a stub is refused, with kprobes/unsafe as well")
    reasons = re.findall(r"^\[.*\] \w+: error: (.*)$", result.stdout, re.M)
    equal([reason.split(":")[0] for reason in reasons],
          ["No function matches", "Probe point is hidden in .noinstr.text", "Probe point is hidden in .kprobes.text",
           "Probe point is in .entry.text, which is never opened to probes"], "scene 2: … each for its own reason")
    result = run("echo kmalloc > set_ftrace_filter; echo 1 > kprobes/unsafe; tour 2; cat set_ftrace_filter kprobes/unsafe kprobe_events; "
                 "echo end")
    equal(result.status, 1, "scene 2 with the switch open already: it fails", result.stderr)
    contains(result.stdout, "do_int3 >> kprobe_events\n(this was to be refused)\n\n=== Scene 2 did not go as it should. ===\n",
             "… where something wasn't refused")
    ok(result.stdout.endswith("\nkmalloc\n0\nend\n"), "… and cleans up, but not what wasn't its own", result.stdout[-300:])


def test_list_and_words():
    result = run("tour; echo --; tour nosuch; tour 0; tour 4x; tour 999")
    listing, errors = result.stdout.split("--\n")
    numbers = [int(n) for n in re.findall(r"^ +(\d+)  \S", listing, re.M)]
    ok(numbers == sorted(numbers) and {2, 4, 7, 8, 9, 10} <= set(numbers), "tour lists its scenes, in order", listing)
    equal((result.status, re.findall(r"^sh: tour: (.*)$", errors, re.M)),
          (1, ["Invalid argument"] * 3 + ["No such file or directory"]), "tour refuses what is no scene")
    played = run("tour all")
    ok(played.status == 0 and [scene.split(":")[0] for scene in scenes(played.stdout)] == re.findall(r"^ +(\d+)  ", listing, re.M),
       "tour all plays them all, in order", played.stdout[-2000:])


def test_without_recovery():
    for scene in (4, 10):
        result = run(f"cat test/bust; echo 0 > test/bust; tour {scene}; echo alive", append="test")
        equal(result.status, 2, f"test/bust 0, scene {scene}: status 2", result.stderr)
        contains(result.stderr, "status 2 (panic)", f"test/bust 0, scene {scene}: … a panic, not a triple fault")
        ok("alive" not in result.stdout and "bust_kprobes:" not in result.stdout, f"test/bust 0, scene {scene}: no way back")
        contains(result.stdout, "\npanic: the stream stack overflowed\n", f"test/bust 0, scene {scene}: it says why")
        report = result.stdout[result.stdout.rindex("panic: "):]
        nested = re.findall(r"^ <#BP>\n  rcu_nmi_enter\+0x1/0x[0-9a-f]+\n(?:  do_int3\+.*\n)?  asm_exc_int3\+0x", report, re.M)
        ok(len(nested) > 5, f"test/bust 0, scene {scene}: the backtrace goes through trap after trap", report)
        box = re.findall(r"^ *\d+ +\d+ +(\d+) enter  (#\w+) ", report, re.M)
        ok(box and box[-1][1] == "#DF" and [int(d) for d, _ in box] == list(range(int(box[0][0]), int(box[-1][0]) + 1)),
           f"test/bust 0, scene {scene}: the black box shows one level after the other", report)
    result = run("echo 0 > test/bust; echo 1 > test/bust; tour 4; echo alive", append="test")
    equal((result.status, result.stdout[-6:]), (0, "alive\n"), "test/bust 1: the way back is open again", result.stderr)


# ---- the picture against the ring ------------------------------------------------------------------------------------

RECORD = struct.Struct("<QQQIHH")  # tsc, ip, sp, depth, vector, direction: arch/x86/entry/black_box.h
RECORDS = 512
STACK_AREA, STACK_SLOT = 0xffffc90000000000, 0x8000
NAMES = {1: "#DB", 2: "NMI", 3: "#BP", 8: "#DF", 13: "#GP", 14: "#PF", 32: "irq0", 36: "irq4"}
WORDS = {0: ("\\", "hit at"), 1: ("/", "returns to"), 2: ("<==", "resumes at")}


def ring(guest):
    """All records still in the ring, oldest first."""
    head = struct.unpack("<Q", guest.read(KERNEL.by_name["bb_head"].addr, 8))[0] // RECORD.size
    memory = guest.read(KERNEL.by_name["bb_ring"].addr, RECORDS * RECORD.size)
    return head, [RECORD.unpack_from(memory, n % RECORDS * RECORD.size) for n in range(max(0, head - RECORDS), head)]


def place(ip):
    """An address as %pS prints it."""
    symbol = next((s for s in KERNEL.symbols if s.type == 2 and s.addr <= ip < s.addr + s.size), None)
    return f"0x{ip:x}" if not symbol else f"{symbol.name}+0x{ip - symbol.addr:x}/0x{symbol.size:x}"


def unfold(picture):
    """The drawn records as (depth, sign, vector, words, place), with the rounds that were left out put back."""
    drawn = []
    for line in picture:
        folded = re.fullmatch(r" +\.\.\. the same, each inside the one before: (\d+) rounds not drawn \.\.\.", line)
        if folded:
            depth, *same = drawn[-1]
            drawn += [(depth + i, *same) for i in range(1, int(folded[1]) + 1)]
            continue
        found = re.fullmatch(r"  ( *\d+) ((?:\| )*)(\\|/|<==) (\S+) (hit at|returns to|resumes at) (\S+)", line)
        if not found or len(found[2]) != 2 * (min(int(found[1]), 24) - 1):
            return [("misdrawn", line)]
        drawn.append((int(found[1]), found[3], found[4], found[5], found[6]))
    return drawn


def test_picture():
    with Guest(cmd="tour 4; echo drawn; echo 1 > test/hang", append="test") as guest:
        ok(guest.wait_for("drawn\n"), "the scene was played", guest.said())
        guest.execute("stop")
        text = guest.said()
        head, records = ring(guest)
    picture = text.split("# nest\n")[1].split("\n\n")[0].splitlines()
    drawn = unfold(picture)
    begin = next((i for i, r in enumerate(records) if r[4] == 3), 0)
    seen = [(r[3], WORDS[r[5]][0], NAMES.get(r[4], f"vec{r[4]}"), WORDS[r[5]][1], place(r[1])) for r in records]  # an interrupt may come before the first
    ok(len(drawn) > 40, "the picture has the whole recursion", *picture)
    first = next((i for i in range(len(seen)) if seen[i:i + len(drawn)] == drawn), None)
    ok(first is not None, f"record by record it is what QEMU finds in the ring ({head} records)", *picture, *seen)
    equal([r[0] for r in records], sorted(r[0] for r in records), "the ring's time stamps only grow")
    check_stacks(records[begin:])


def check_stacks(records):
    """Each level of the recursion lies below the one before, by the same distance, until the double fault's own stack."""
    nested = [r for r in records if r[4] == 3 and r[5] == 0 and place(r[1]).startswith("rcu_nmi_enter+0x1/")]
    steps = {a[2] - b[2] for a, b in zip(nested, nested[1:])}
    ok(len(nested) > 20 and len(steps) == 1 and min(steps) > 0, "each level of the recursion costs the same stack", steps)
    equal([r[3] for r in nested], list(range(nested[0][3], nested[0][3] + len(nested))), "… and is one deeper")
    slots = {r[2] & ~(STACK_SLOT - 1) for r in nested}
    ok(len(slots) == 1 and min(slots) >= STACK_AREA, "… on the stack of one thread", slots)


test_hiding()
test_recovers()
test_nested_hits()
test_policies()
test_everything_works_afterwards()
test_list_and_words()
test_without_recovery()
test_picture()
done()
