#!/usr/bin/python3
"""The recursion and the way back: scenes 4 and 10, again and again, their picture held against the ring; and the command that plays scenes."""

import os
import re
import struct
import sys

sys.dont_write_bytecode = True
from elf import Elf
from nestling import run
from qmp import Guest
from tap import contains, done, equal, ok
from tourtext import check_health, scenes

STRESS = max(1, int(os.environ.get("STRESS") or 1))
KERNEL = Elf()
BUST = re.compile(r"bust_kprobes: (\d+) traps inside each other at rcu_nmi_enter\+0x0/0x[0-9a-f]+, over (\d+) bytes of stack;"
                  r" 2 probe\(s\) disarmed, resuming")
STREAM_FRAMES = 24  # its text and its thread's stack


def check_recovery(scene, name):
    busts = [found for line in scene.splitlines() if (found := BUST.fullmatch(line))]
    ok(len(busts) == 1, f"{name}: recovered once, from rcu_nmi_enter, with both probes out", scene)
    depth, stack = (int(busts[0][1]), int(busts[0][2])) if busts else (0, 0)
    ok(depth > 20, f"{name}: it was {depth} deep, more than 20", scene)
    ok(8192 < stack <= 16384, f"{name}: … over most of the 16 KiB stack: {stack} bytes")
    contains(scene, "\n# cat tracing_on\nbust_kprobes: ", f"{name}: it was cat that ran into it")
    contains(scene, "resuming\n1\n", f"{name}: … and that gave its answer all the same")


def check_wx(scene):
    before, after = scene.split("During and after:")
    for when, text in (("before", before), ("after", after)):
        walked = re.findall(r"^  the tables .*, +(\d+) executable, (\d+) of those writable", text, re.M)
        ok(len(walked) == 2 and all(int(x) > 0 and w == "0" for x, w in walked), f"scene 10, {when}: W^X, in both tables", text)
        tried = re.findall(r"^  write to .* [0-9a-f]{16}: (.*)$", text, re.M)
        ok(len(tried) >= 7 and all(t.startswith("faults: ") for t in tried), f"scene 10, {when}: no write goes through", text)
    contains(after, "during the last of 2 observed pokes", "scene 10: the emergency's two pokes were watched")
    ok(re.search(r"^  what all CPUs have of the kernel .* 0 of those writable", after, re.M), "scene 10: … nor what all CPUs have", after)
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


def test_list_and_words():
    result = run("tour; echo --; tour nosuch; tour 0; tour 4x; tour 999")
    listing, errors = result.stdout.split("--\n")
    numbers = [int(n) for n in re.findall(r"^ +(\d+)  \S", listing, re.M)]
    equal(numbers, list(range(1, 11)), "tour lists its scenes, in order", listing)
    equal((result.status, re.findall(r"^sh: (.*)$", errors, re.M)),
          (1, ["tour: Invalid argument"] * 3 + ["999: there is no such scene"]), "tour refuses what is no scene")
    shown = run("tour show 4; echo --; tour 4")
    script, played = shown.stdout.split("--\n")
    equal(shown.status, 0, "tour show 4", shown.stderr)
    at = -1
    for line in script.splitlines():
        at = played.find("\n" + line + "\n", at + 1) if at is not None else None
        at = None if at == -1 else at
    ok(at and "# cat tracing_on\n" in script, "… prints what the scene says and types, in order", script)
    refused = run("tour show; tour show 0; tour show 999; tour show 4 4; tour 4 4")
    equal(re.findall(r"^sh: (.*)$", refused.stdout, re.M),
          ["tour: Invalid argument"] * 2 + ["999: there is no such scene"] + ["tour: Invalid argument"] * 2, "tour show refuses what is no scene")
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


def until_drawn(scene):
    """A scene's commands, up to its picture: what comes behind may fill the ring again."""
    script = run(f"tour show {scene}").stdout
    return "; ".join(re.findall(r"^# (.*)$", script[:script.index("\n# nest\n")], re.M)) + "; echo '# nest'; nest; echo"


def check_picture(scene, least, commands=None):
    """The last picture of a scene, held against the ring as QEMU has it. The ring, from the first breakpoint on."""
    with Guest(cmd=f"{commands or f'tour {scene}'}; echo drawn; echo 1 > test/hang", append="test") as guest:
        ok(guest.wait_for("drawn\n"), f"scene {scene} was played", guest.said())
        guest.execute("stop")
        text = guest.said()
        head, records = ring(guest)
    picture = text.split("# nest\n")[-1].split("\n\n")[0].splitlines()
    drawn = unfold(picture)
    seen = [(r[3], WORDS[r[5]][0], NAMES.get(r[4], f"vec{r[4]}"), WORDS[r[5]][1], place(r[1])) for r in records]  # an interrupt may come before the first
    ok(len(drawn) >= least, f"scene {scene}: the picture has {least} records at least", *picture)
    first = next((i for i in range(len(seen)) if seen[i:i + len(drawn)] == drawn), None)
    ok(first is not None, f"scene {scene}: record by record it is what QEMU finds in the ring ({head} records)", *picture, *seen)
    equal([r[0] for r in records], sorted(r[0] for r in records), f"scene {scene}: the ring's time stamps only grow")
    return records[next((i for i, r in enumerate(records) if r[4] == 3), 0):]


def test_pictures():
    for scene, least in ((3, 3), (5, 40), (9, 40)):
        check_picture(scene, least)
    check_picture(8, 8, until_drawn(8))
    check_stacks(check_picture(4, 40))


def check_stacks(records):
    """Each level of the recursion lies below the one before, by the same distance, until the double fault's own stack."""
    nested = [r for r in records if r[4] == 3 and r[5] == 0 and place(r[1]).startswith("rcu_nmi_enter+0x1/")]
    steps = {a[2] - b[2] for a, b in zip(nested, nested[1:])}
    ok(len(nested) > 20 and len(steps) == 1 and min(steps) > 0, "each level of the recursion costs the same stack", steps)
    equal([r[3] for r in nested], list(range(nested[0][3], nested[0][3] + len(nested))), "… and is one deeper")
    slots = {r[2] & ~(STACK_SLOT - 1) for r in nested}
    ok(len(slots) == 1 and min(slots) >= STACK_AREA, "… on the stack of one thread", slots)


test_recovers()
test_everything_works_afterwards()
test_list_and_words()
test_without_recovery()
test_pictures()
done()
