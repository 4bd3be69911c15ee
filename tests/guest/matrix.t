#!/usr/bin/python3
"""What becomes of each policy by each technique, in each scenario, is what docs/matrix.txt says; and what recovers does so again and again."""

import itertools
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from nestling import ROOT, TRACING, run
from tap import contains, done, equal, ok
from tourtext import HEALTH, check_health

STRESS = int(os.environ.get("STRESS") or 1)
ROUNDS = 3 if STRESS == 1 else 25 * STRESS
BATCH = 500  # cells a boot: the commands must fit
STREAM_FRAMES = 24  # its text and its thread's stack
BEGIN = "=== What becomes of each"
USUAL = "none flag kind [context] stack\nbefore [after]\n[auto] step int3 emulate boost jump ftrace\n0\nnop\nnone\ncalls 0\ndeepest 0\n"
LOOK = "cat recursion/policy recursion/flag_at kprobes/technique kprobes/unsafe current_tracer recursion/consumer kprobe_events"


def expected():
    with open(os.path.join(ROOT, "docs/matrix.txt"), encoding="utf-8") as file:
        return file.read()


def without_counts(text):
    """How many instructions the guard's flag is held for is another number with each compiler: the file says "n" there."""
    head, mark, rest = text.partition("\n7  an NMI")
    tables, end, behind = rest.partition("\n8  ")
    return head + mark + re.sub(r"lost \d+ *", "lost n   ", tables).replace("n   \n", "n\n") + end + behind


def cells(text):
    """{(scenario, policy): {technique: outcome}} of the tables."""
    found = {}
    for number, table in re.findall(r"^(\d+)  .*\n\n((?:.+\n)+)", text, re.M):
        head, *rows = table.splitlines()
        for row in rows:
            words = re.split(r" {2,}|(?<=\S) (?=[a-z])(?!up)", row.strip())
            found[int(number), words[0]] = dict(zip(head.split(), words[1:]))
    return found


def table_of(stdout):
    return stdout[stdout.index(BEGIN):] if BEGIN in stdout else stdout


def test_is_as_said():
    result = run(f"cd {TRACING}; tour matrix; {LOOK}; echo alive", timeout=120)
    equal(result.status, 0, "tour matrix: status 0", result.stdout[-2000:], result.log[-500:])
    said, _, usual = table_of(result.stdout).partition("none flag kind")
    equal(without_counts(said).splitlines(), expected().splitlines(), "… and it says what docs/matrix.txt says")
    equal("none flag kind" + usual, USUAL + "alive\n", "… and all is as it was")


def played(result):
    """Of each cell that was played by itself: what it was, what it printed, and what became of it."""
    return re.findall(r"^\d  .*\n\n((?:.*\n)*?)\n^(\S+), (\w+): (.*)\n", result.stdout, re.M)


def test_recoveries():
    """Each row that recovers, by its techniques in turn."""
    rows = {key: [t for t, outcome in row.items() if outcome in ("bust", "given up")] for key, row in cells(expected()).items()}
    rows = {key: techniques for key, techniques in rows.items() if techniques}
    ok(len(rows) >= 12, f"{len(rows)} rows recover", rows)
    todo = [(key, technique) for key, techniques in rows.items() for technique in itertools.islice(itertools.cycle(techniques), ROUNDS)]
    for begin in range(0, len(todo), BATCH):
        part = todo[begin:begin + BATCH]
        result = run("".join(f"tour matrix {policy} {technique} {scenario}\n" for (scenario, policy), technique in part) + "echo alive",
                     timeout=60 + BATCH / 4)
        name = f"recoveries {begin + 1} to {begin + len(part)}"
        equal((result.status, result.stdout[-6:]), (0, "alive\n"), f"{name}: status 0, and alive", result.stdout[-2000:], result.log[-500:])
        found = played(result)
        equal([(policy, technique, outcome) for _, policy, technique, outcome in found],
              [(policy, technique, cells(expected())[scenario, policy][technique]) for (scenario, policy), technique in part],
              f"{name}: each as said")
        health = [[line.groups() for line in map(HEALTH.fullmatch, text.splitlines()) if line] for text, *_ in found]
        ok(all(len(lines) == 13 and all(line[3] != "DIFFERENT" for line in lines) for lines in health), f"{name}: nothing is different after any")
        after = [{line[0]: int(line[2], 16) for line in lines} for lines in health]
        equal(len({values.get("text bytes (checksum)") for values in after}), 1, f"{name}: not a byte of text is, after all of them")
        frames = [values.get("free frames", 0) for values in after[2:]]
        ok(max(frames) - min(frames) <= STREAM_FRAMES, f"{name}: nor is a frame lost", frames)
        check_health(found[-1][0], f"{name}, the last")


def test_one_cell():
    result = run("tour matrix stack step 2; tour matrix flag/before int3 3; tour matrix context jump 4; tour matrix none all 2; "
                 "tour matrix kind step 7; tour matrix flag step 2 | grep '^flag'; echo alive")
    contains(result.stdout, "\nflag, step: lost 1\nalive\n", "a cell that is filtered is played, and nothing else of it is seen")
    equal((result.status, result.stdout[-6:]), (0, "alive\n"), "cells by themselves", result.stdout[-2000:])
    found = {(policy, technique): (text, outcome) for text, policy, technique, outcome in played(result)}
    equal({key: outcome for key, (_, outcome) in found.items()},
          {("stack", "step"): "lost 1", ("flag/before", "int3"): "lost 1", ("context", "jump"): "refused",
           ("kind", "step"): found.get(("kind", "step"), "")[1]}, "… what became of each")
    text = found["stack", "step"][0]
    for line in ("# echo 1 > health", "# echo step > kprobes/technique", "# echo stack > recursion/policy",
                 "# echo 'p:matrix/second fetch_store+5' >> kprobe_events", "# nest mark", "# cat tracing_on\n1", "# cat kprobe_profile",
                 "# echo -:matrix/first >> kprobe_events", "# echo context > recursion/policy", "# echo auto > kprobes/technique", "# cat health"):
        contains(text, f"{line}\n", f"… its commands are shown: {line!r}")
    ok(re.search(r"^  second +0 +1$", text, re.M), "… and what they say", text)
    contains(found["context", "jump"][0], " rcu_nmi_exit' >> kprobe_events\nsh: kprobe_events: write error: Invalid argument\n",
             "… a refusal, too")
    text, outcome = found["kind", "step"]
    came = re.search(r"^places (\d+)\ncame (\d+)$", text, re.M)
    second = re.search(r"^  second +(\d+) +(\d+)$", text, re.M)
    ok(came and int(came[2]) > 200 and second and int(second[1]) + int(second[2]) == int(came[2]) and outcome == f"lost {second[2]}",
       "… NMIs are counted, and each has hit its probe or is among the lost", came, second, outcome)
    table = table_of(result.stdout)
    equal(list(cells(table.partition("\n7  ")[0])), [(2, "none")], "a row is a table of one row", table)


def test_debug():
    """With all checks on; those of RCU's use are on before, and afterwards."""
    part = [(1, "none", "function"), (3, "none", "step"), (5, "context", "boost"), (6, "flag", "int3"), (8, "none", "ftrace"), (8, "stack", "step")]
    result = run("".join(f"tour matrix {policy} {technique} {scenario}\n" for scenario, policy, technique in part) + "cat rcu/check lockdep; echo alive",
                 append="debug")
    equal((result.status, result.stdout[-6:]), (0, "alive\n"), "debug: status 0, and alive", result.stdout[-2000:], result.log[-500:])
    found = played(result)
    equal([outcome for *_, outcome in found], [cells(expected())[scenario, policy][technique] for scenario, policy, technique in part],
          "debug: each as said")
    ok(all("DIFFERENT" not in text and len(HEALTH.findall(text)) == 13 for text, *_ in found), "debug: … and nothing is different")
    ok(re.search(r"^1: \d+ reports$", result.stdout[result.stdout.rindex("stack, step: "):], re.M), "debug: … RCU's use is checked, as before",
       result.stdout[-500:])
    equal(re.findall(r"^WARNING: (?!suspicious RCU usage: .* used illegally while idle).*", result.stdout + result.log, re.M), [],
          "debug: … and nothing else is reported")


def test_refusals():
    result = run(f"cd {TRACING}; tour matrix no; tour matrix none nosuch; tour matrix none step 0; tour matrix none step 99; "
                 "tour matrix none step 1 1; echo p:here tracing_on_show+5 >> kprobe_events; tour matrix; cat kprobe_events")
    equal((result.status, re.findall(r"^sh: tour: (.*)$", result.stdout, re.M)), (1, ["Invalid argument"] * 5 + ["Device or resource busy"]),
          "what there is no cell for is refused; and all, where it would change what isn't its own")
    contains(result.stdout, "kprobe_events isn't as it is at boot", "… and it says what")
    ok(re.fullmatch(r"p:\S*here tracing_on_show\+\w+", result.stdout.splitlines()[-1]), "… which stays", result.stdout[-300:])
    others = {"set_ftrace_notrace": ("fetch_store", ""), "set_ftrace_pid": ("1", ""), "options/print-parent": ("0", "1"), "options/context-info": ("0", "1"),
              "options/sym-offset": ("1", "0"), "options/sym-addr": ("1", "0"), "options/raw": ("1", "0")}
    result = run(f"cd {TRACING}\n" + "".join(f"echo {value} > {file}; tour matrix none function 2; echo {usual} > {file}\n"
                                             for file, (value, usual) in others.items()) + "tour matrix none function 2 | tail -n 1")
    equal(re.findall(r"^(\S+) isn't as it is at boot", result.stdout, re.M), list(others), "… as where it would miss something in the trace")
    ok(result.stdout.endswith("\nnone, function: nested 2\n"), "… and else it plays", result.stdout[-300:])


def test_nmis():
    """The file behind it: what is refused, that nothing is left behind, and that a user's watchpoints stay his."""
    watch = "".join(f"echo w:w{n} tracing_on_show+5:1:x >> kprobe_events; echo 1 > events/kprobes/w{n}/enable\n" for n in range(4))
    result = run(f"cd {TRACING}; echo 1 > health; echo do_int3 > recursion/nmi; cat recursion/nmi; echo @; echo > recursion/nmi; "
                 "echo nosuch > recursion/nmi; echo do_int3 nosuch > recursion/nmi; echo 0x1000 > recursion/nmi; echo 0x > recursion/nmi; "
                 f"cat recursion/nmi; echo @; cat health\n{watch}echo nmi_step > recursion/nmi; cat tracing_on kprobe_profile")
    equal(result.status, 1, "recursion/nmi: some words are refused", result.log[-1000:])
    ran, refused, rest = result.stdout.split("@\n")
    ok(re.fullmatch(r"places [1-9]\d+\ncame 0\n", ran), "… one that isn't run meanwhile has no NMI", ran)
    equal(re.findall(r"write error: (.*)$", refused, re.M),
          ["Invalid argument", "No such file or directory", "No such file or directory", "Invalid argument", "No such file or directory"],
          "… refused", refused)
    ok(refused.endswith(ran), "… and nothing has run for them", refused)
    ok("DIFFERENT" not in rest and "No space left on device" in rest, "nothing is left of it; four watchpoints leave no room", rest)
    ok(len(re.findall(r"^  w\d +1 +0$", rest, re.M)) == 4, "… and stay", rest)
    ok(re.fullmatch(r"places (\d+)\ncame \1\n", run(f"cd {TRACING}; echo nmi_step > recursion/nmi; cat recursion/nmi").stdout),
       "one that is run has one at each")


def address(function):
    with open(os.path.join(ROOT, "build/nestling.sym"), encoding="utf-8") as symbols:
        return next(int(line.split()[0], 16) for line in symbols if line.split()[2] == function)


def test_nmis_nowhere():
    """Where none can come, or the stop itself would be in the way. The file's users are stopped by a watchpoint, whose #DB comes that way."""
    words = ["asm_exc_nmi", "do_nmi"] + [hex(address(f) + n) for f in ("asm_exc_debug", "do_debug", "asm_exc_nmi", "do_nmi") for n in (0, 1)]
    result = run(f"cd {TRACING}; echo w:here nmi_step+5:1:x >> kprobe_events; echo 1 > events/kprobes/here/enable; "
                 + "".join(f"echo {word} > recursion/nmi; " for word in words) + "cat recursion/nmi; echo asm_exc_debug do_debug > recursion/nmi; "
                 "cat recursion/nmi; echo alive")
    equal((result.status, len(re.findall("write error: Invalid argument", result.stdout)), result.stdout[-6:]), (1, len(words), "alive\n"),
          "recursion/nmi: not in NMIs' own stub, nor at an address on #DB's way", result.stdout[-1000:], result.log[-1000:])
    before, after = re.findall(r"^places (\d+)\ncame (\d+)$", result.stdout, re.M)
    ok(before == ("0", "0") and int(after[0]) > int(after[1]) > 20, "… but there by its functions' names", before, after)


def test_nmis_beside_others():
    """Int3s on #DB's way, while three other CPUs come there all the time."""
    result = run(f"cd {TRACING}; echo w:here thread_yield+5:1:x >> kprobe_events; echo 1 > events/kprobes/here/enable; echo 1 > test/busy\n"
                 + f"echo {'do_debug debug_watched ' * 10} > recursion/nmi\n" * 5 * STRESS + "cat kprobe_profile recursion/nmi; echo alive",
                 smp=4, append="test", timeout=60 * STRESS)
    equal((result.status, result.stdout[-6:]), (0, "alive\n"), "NMIs on #DB's way beside three busy CPUs: status 0, and alive",
          result.stdout[-1000:], result.log[-1000:])
    hits = re.search(r"^  here +(\d+) ", result.stdout, re.M)
    ok(hits and int(hits[1]) > 1000 and result.stdout.endswith("came 0\nalive\n"), "… which did come there, and got none", result.stdout[-300:])


BUSY = """\
echo 8 > per_cpu/cpu1/buffer_size_kb; echo 8 > per_cpu/cpu2/buffer_size_kb; echo 8 > per_cpu/cpu3/buffer_size_kb
echo 1 > events/sched/enable; echo 1 > events/irq/enable; echo 1 > test/busy
"""


def test_beside_others():
    """A sample, while the other CPUs record as fast as they can: what recovers does, and nothing is left of the rest."""
    rows = [(key, [t for t, outcome in row.items() if outcome in ("bust", "given up")]) for key, row in cells(expected()).items()]
    if STRESS == 1:
        rows = [row for row in rows if row[1]][::4]
    part = [(*key, techniques[n % len(techniques)] if techniques else "step") for n, (key, techniques) in enumerate(rows) if key[0] != 7]
    result = run(f"cd {TRACING}\n{BUSY}" + "".join(f"tour matrix {policy} {technique} {scenario}\n" for scenario, policy, technique in part) +
                 "echo 0 > test/busy; cat per_cpu/cpu0/stats per_cpu/cpu1/stats per_cpu/cpu2/stats per_cpu/cpu3/stats; "
                 f"{LOOK}; echo alive", smp=4, append="test", timeout=60 + 10 * len(part))
    equal((result.status, result.stdout[-6:]), (0, "alive\n"), "beside three busy CPUs: status 0, and alive", result.stdout[-2000:], result.log[-500:])
    ok(result.stdout.endswith(f"\n{USUAL}alive\n"), "… all is as it was", result.stdout[-400:])
    found = played(result)
    equal([(policy, technique) for _, policy, technique, _ in found], [(policy, technique) for _, policy, technique in part], "… all were played")
    wanted = [cells(expected())[scenario, policy][technique] for scenario, policy, technique in part]
    # Who is on another CPU may hit what is to become a jump while it is an int3 yet.
    equal([said if said == "given up" and technique == "jump" and outcome == "bust" else outcome
           for (*_, technique, outcome), said in zip(found, wanted) if said in ("bust", "given up")],
          [said for said in wanted if said in ("bust", "given up")], "… what recovers does")
    ok(all("DIFFERENT" not in text and len(HEALTH.findall(text)) == 13 for text, *_ in found), "… and nothing is different")
    overrun = [int(n) for n in re.findall(r"^overrun: (\d+)$", result.stdout, re.M)]
    ok(len(overrun) == 4 and sum(n > 1000 for n in overrun) >= 3, "… and they did record", overrun)


test_is_as_said()
test_one_cell()
test_debug()
test_refusals()
test_nmis()
test_nmis_nowhere()
test_nmis_beside_others()
test_beside_others()
test_recoveries()
done()
