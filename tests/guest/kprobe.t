#!/usr/bin/python3
"""Probes through their control files: hits, counts, refusals with reasons; and that a probed function does what it did."""

import collections
import difflib
import re
import sys

sys.dont_write_bytecode = True
from elf import HIDDEN, Elf
from nestling import TRACING, run
from tap import contains, done, equal, ok
from tracetext import ENTRY, FUNCTION, PROBE, bodies, header_like, parse, sample

KERNEL = Elf()
CODE = KERNEL.disassembly()
MARK = "echo --\n"
CUT = "--\n"

EINVAL, ENOENT, EBUSY = "Invalid argument", "No such file or directory", "Device or resource busy"
EILSEQ, EEXIST, ENOSPC = "Invalid or incomplete multibyte or wide character", "File exists", "No space left on device"

# What can't run from a copy; a probe on one is refused.
UNMOVABLE = re.compile(r"(hlt|ud2|int3?|iretq?|lretq?|syscall|sysretq?)\b|mov .*,%ss|pop %ss")
KEYED = re.compile(r"nopl   0x0\(%rax,%rax,1\)")  # behind the entry: a static key's, or padding
# Where straight-line code ends.
TRANSFER = re.compile(r"(j\w+|call|ret|bnd|rep|ud2)\b")


def straight_line(function):
    """Offsets that are passed once in each call: up to the first jump or call."""
    offsets = []
    for insn in CODE[function]:
        offsets.append(insn.offset)
        if TRANSFER.match(insn.text):
            break
    return offsets


def middle_of(function):
    """A real instruction past the entry's nop and frame."""
    return straight_line(function)[3]


def define(*lines, how=">"):
    text = "\n".join(lines)
    return f"echo '{text}' {how} kprobe_events\n"


def enable(name, on=1, group="kprobes"):
    return f"echo {on} > events/{group}/{name}/enable\n"


# ---- a hit -----------------------------------------------------------------------------------------------------------


def test_hits(how, **options):
    off = middle_of("tracing_on_show")
    result = run(define(f"p:x tracing_on_show+{off}") + "cat tracing_on\n" + enable("x") + "cat tracing_on\n" * 3 +
                 enable("x", 0) + "cat tracing_on\n" + MARK + "cat kprobe_profile\n" + MARK + "cat trace\n", **options)
    equal(result.status, 0, f"{how}: status 0", result.stdout, result.stderr)
    answers, profile, text = result.stdout.split(CUT)
    equal(answers, "1\n" * 5, f"{how}: the probed function's answer is what it is without")
    equal(profile, f"  {'x':<44} {3:>15} {0:>15}\n", f"{how}: kprobe_profile counts the hits while it was enabled")
    trace = parse(text)
    equal(trace.header, header_like("nop", 3, 3), f"{how}: the trace counts them, too")
    size = KERNEL.by_name["tracing_on_show"].size
    equal([(body["event"], body["symbol"], int(body["offset"], 16), int(body["size"], 16)) for body in bodies(trace, PROBE)],
          [("x", "tracing_on_show", off, size)] * 3, f"{how}: each has a line, as on Linux", text)
    equal([ENTRY.fullmatch(line)["flags"] for line in trace.lines], ["....."] * 3,
          f"{how}: … that tells of the probed context, not of the trap")


def test_as_promised():
    """As a user types it, through GRUB."""
    off = middle_of("tracing_on_show")
    result = run(f'echo "p:x tracing_on_show+{off}" > {TRACING}/kprobe_events; echo 1 > {TRACING}/events/kprobes/x/enable; '
                 f"cat {TRACING}/tracing_on; cat {TRACING}/trace", boot="iso")
    equal(result.status, 0, "as promised: status 0", result.stderr)
    ok(result.stdout.startswith("1\n# tracer: nop\n") and f": x: (tracing_on_show+0x{off:x}/" in result.stdout,
       "as promised: it hits and prints, and the answer is the same", result.stdout)


# ---- every instruction of what the shell runs ------------------------------------------------------------------------

EXERCISE = ("cd kprobes; pwd; cd ..; cat tracing_on set_ftrace_filter kprobes/unsafe available_tracers current_tracer nosuch\n"
            "ls; help echo; echo 'a  b' \"c\" d\\ e; nosuch; echo 1 > tracing_on; cd trace; tour\n")


def traced_functions():
    """The visible functions that the exercise enters each time, but for those that share their name with another file's."""
    once_more = "echo > trace; echo function > current_tracer\n" + EXERCISE + "echo 0 > tracing_on; echo nop > current_tracer\n" + MARK + "cat trace\n" + MARK
    result = run(EXERCISE + 2 * once_more, timeout=120)  # the first time, processes touch pages that they then have
    each = [{body["name"] for body in bodies(parse(text), FUNCTION)} for text in result.stdout.split(CUT)[1::2]]
    once = {name for name, n in collections.Counter(s.name for s in KERNEL.symbols).items() if n == 1}
    return sorted(once.intersection(*each))


def can_be_probed(insn):
    return not UNMOVABLE.match(insn.text) and (insn.offset == 0 or not KEYED.match(insn.text))


def turn(title, name, offsets):
    """The commands of one function's turn, and the probes to expect."""
    lines = [f"p:i{off} {name}+{off}" for off in offsets]
    script = "echo > kprobe_events\n" + "".join(define(*lines[i:i + 40], how=">>") for i in range(0, len(lines), 40))
    script += "cd events/kprobes\n" + "".join(f"echo 1 >i{off}/enable\n" for off in offsets) + "cd\n"
    script += f"echo ====; echo {title}\n" + EXERCISE + "echo ----; cat kprobe_profile; echo ====\n"
    return script + "cd events/kprobes\n" + "".join(f"echo 0 >i{off}/enable\n" for off in offsets) + "cd\n"


def turns(names):
    """All turns, in as few scripts as fit."""
    scripts, expected = [""], []
    for name in names:
        offsets = [i.offset for i in CODE[name] if can_be_probed(i)]
        for i in range(0, len(offsets), 200):
            part = turn(f"{name}+{offsets[i]}", name, offsets[i:i + 200])
            if len(scripts[-1]) + len(part) > 64000:
                scripts.append("")
            scripts[-1] += part
            expected.append((f"{name}+{offsets[i]}", len(offsets[i:i + 200]), i == 0))
    return scripts, expected


def test_every_instruction():
    """With probes on all of a function's instructions, function after function, the exercise prints the same."""
    plain = run(define("p:x strcmp") + EXERCISE).stdout
    names = traced_functions()
    ok(len(names) >= 10, f"the exercise enters {len(names)} visible functions", names)
    scripts, expected = turns(names)
    played = {}
    for script in scripts:
        result = run(script, timeout=300)
        equal(result.status, 1, "a script of turns ends by itself", result.stdout[-2000:])
        for piece in result.stdout.split("====\n")[1::2]:
            name, text = piece.split("\n", 1)
            played[name] = text.split("----\n")
    for name, number, has_entry in expected:
        output, profile = played.get(name, ("", ""))
        hits = {line[0]: int(line[1]) + int(line[2]) for line in map(str.split, profile.splitlines())}
        ok(output == plain and len(hits) == number and (not has_entry or hits.get("i0", 0) > 0),
           f"{name}: {number} instructions probed, the function entered, and the output is the same",
           f"probes {len(hits)}, hits at the entry {hits.get('i0')}",
           *difflib.unified_diff(plain.splitlines(), output.splitlines(), "without", "with probes", lineterm=""))


# ---- refusals --------------------------------------------------------------------------------------------------------


def refused(line, errno, message, column, name, before=""):
    """The write fails with the errno's text, error_log has the reason and points at the column, and nothing is defined."""
    result = run(before + define(line, how=">>") + MARK + "cat kprobe_events\n" + MARK + "cat error_log")
    printed, events, log = result.stdout.split(CUT)
    equal((result.status, printed, events), (1, f"sh: kprobe_events: write error: {errno}\n", before and events),
          f"{name}: refused with “{errno}”")
    lines = log.splitlines()
    ok(len(lines) == 3 and re.fullmatch(rf"\[ *\d+\.\d{{6}}\] trace_kprobe: error: {message}", lines[0]),
       f"{name}: error_log says why", log)
    equal(lines[1:], [f"  Command: {line}", " " * (len("  Command: ") + column) + "^"], f"{name}: … and where")


def test_refusals():
    linux = sample("kprobe-error_log.txt").splitlines()[-3:]
    equal((linux[0].split("] ")[1], linux[1].index("vfs_write") == linux[2].index("^")),
          ("trace_kprobe: error: Probe point is not an instruction boundary", True), "Linux's own error has the shape we ask for")
    inside = next(i for i in CODE["tracing_on_show"] if i.offset == 0)
    refused(f"p tracing_on_show+{inside.offset + 1}", EILSEQ, "Probe point is not an instruction boundary", 2, "inside the nop")
    for section in HIDDEN:
        function = KERNEL.functions(section)[0].name
        refused(f"p:grp/bad {function}", EINVAL, rf"Probe point is (hidden )?in {re.escape(section)}\W.*", 10,
                f"hidden in {section}")
    refused("p:bad rcu_nmi_enter", EINVAL, r"Probe point is hidden in \.noinstr\.text: see kprobes/unsafe", 6, "rcu_nmi_enter")
    refused("p:bad asm_exc_int3+1", EINVAL, r"Probe point is in \.entry\.text\W.*", 6, "an assembly stub")
    refused("p:my/bad nosuchfn", ENOENT, "Invalid probed address or symbol", 9, "an unknown symbol")
    refused("p:bad 0x1000", EINVAL, "Probe point is not in kernel text", 6, "an address outside")
    refused("p:bad tracing_on_show+0x1000", EINVAL, "Offset is beyond the function's end", 21, "an offset beyond")
    refused("p:bad tracing_on_show+", EINVAL, "Invalid offset", 21, "no offset after the +")
    refused("p:bad", EINVAL, "No probe point is given", 5, "no place")
    refused("p:1bad strcmp", EINVAL, "Event name must follow the same rules as C identifiers", 2, "a bad name")
    refused("p:a/b-c strcmp", EINVAL, "Event name must follow the same rules as C identifiers", 4, "a bad name in a group")
    refused("q strcmp", EINVAL, "Unknown probe type", 0, "a bad type")
    refused("-:nosuch", ENOENT, "Event doesn't exist", 2, "removing what isn't there")
    unmovable = next((f, i) for f in CODE for i in CODE[f] if UNMOVABLE.match(i.text) and f in KERNEL.by_name
                     and KERNEL.by_name[f].section == ".text")
    refused(f"p:bad {unmovable[0]}+{unmovable[1].offset}", EINVAL, "Instruction can't be displaced: .*", 6,
            f"an instruction like {unmovable[1].text}")
    first = define("p:first strcmp")
    refused("p:first strlen", EEXIST, "Given group/event name is already used by another event", 8, "a name that is taken", first)


def test_every_offset():
    """A function's boundaries are exactly the disassembler's."""
    function = "tracing_on_show"
    boundaries = {i.offset for i in CODE[function] if can_be_probed(i)}
    size = KERNEL.by_name[function].size
    script = "".join(define(f"p:o{off} {function}+{off}", how=">>") for off in range(size))
    result = run(script + MARK + "cat kprobe_events")
    printed, events = result.stdout.split(CUT)
    equal({int(line.split("+")[1]) if "+" in line else 0 for line in events.splitlines()}, boundaries,
          "probes go on the disassembler's boundaries, and nowhere else")
    equal(printed, f"sh: kprobe_events: write error: {EILSEQ}\n" * (size - len(boundaries)), "… and the rest is refused as such")


def test_unsafe():
    result = run("cat kprobes/unsafe; echo 1 > kprobes/unsafe; cat kprobes/unsafe\n" + define("p:a rcu_nmi_exit") +
                 define("p:b asm_exc_int3", how=">>") + "cat kprobe_events; echo 2 > kprobes/unsafe")
    equal(result.stdout, f"0\n1\nsh: kprobe_events: write error: {EINVAL}\np:kprobes/a rcu_nmi_exit\nsh: kprobes/unsafe: write error: {EINVAL}\n",
          "kprobes/unsafe opens hidden C, but never .entry.text")


# ---- the files -------------------------------------------------------------------------------------------------------


def test_all_or_nothing():
    for lines, errno in ((["p:a strlen", "p:b nosuch"], ENOENT), (["p:a strlen", "-:old", "p:b nosuch"], ENOENT),
                         (["-:old", "p:a strcmp", "p:c strcmp+1"], EILSEQ), (["p:a strlen", "p:a str_has_prefix"], EEXIST),
                         (["p:a strlen", "-:nosuch"], ENOENT)):
        for how in (">", ">>"):
            result = run(define("p:old strcmp") + define(*lines, how=how) + "cat kprobe_events; ls events/kprobes")
            equal((result.status, result.stdout), (1, f"sh: kprobe_events: write error: {errno}\np:kprobes/old strcmp\nenable\nfilter\nold/\n"),
                  f"{how} {lines} changes nothing") if not (how == ">" and "-:old" in lines) else None
    off = middle_of("strlen")
    result = run(define("p:a strcmp", "# a comment", "", f"  p:g/b strlen+{off}  ", "-:a", "p:c strcmp") +
                 "cat kprobe_events; ls events/kprobes events/g")
    equal((result.status, result.stdout),
          (0, f"p:g/b strlen+{off}\np:kprobes/c strcmp\nevents/kprobes:\nc/\nenable\nfilter\nevents/g:\nb/\nenable\nfilter\n"),
          "many lines in one write, with comments, blanks, and a removal in between")


def test_removal_and_truncation():
    result = run(define("p:a strcmp", "p:g/b strlen") + enable("a") + define("-:g/b", how=">>") + "cat kprobe_events\n" +
                 define("-:a", how=">>") + "cat kprobe_events; cat events/kprobes/a/enable\n" + define("p:c strlen") +
                 "echo > kprobe_events; cat kprobe_events; cat events/kprobes/a/enable\n" + enable("a", 0) +
                 define("-:a", how=">>") + "cat kprobe_events; ls events/kprobes; cat events/kprobes/a/enable")
    busy = f"sh: kprobe_events: write error: {EBUSY}\n"
    still = "p:kprobes/a strcmp\n"
    equal(result.stdout, still + busy + still + "1\n" + busy + busy + still + "1\n" + f"sh: events/kprobes: {ENOENT}\n"
          f"sh: events/kprobes/a/enable: {ENOENT}\n",
          "-:name removes; an enabled event can't be removed, nor truncated away, and stays enabled")
    log = run(define("p:a strcmp") + enable("a") + define("-:a", how=">>") + "echo > kprobe_events; cat error_log").stdout
    for command, column in (("-:a", 13), ("a", 11)):
        contains(log, f"trace_kprobe: error: Event is in use: disable it, and take its triggers away\n  Command: {command}\n" + " " * column + "^\n",
                 "… and error_log says so")
    result = run(define("p:a strcmp") + define("p:b strlen") + "cat kprobe_events; echo > kprobe_events; cat kprobe_events")
    equal(result.stdout, "p:kprobes/b strlen\n", "> replaces, and an empty write clears")


def test_names():
    off = middle_of("tracing_on_show")
    addr = KERNEL.by_name["strlen"].addr
    result = run(define(f"p tracing_on_show+0x{off:x}", "p strcmp", f"p 0x{addr:x}", "p:long_" + "n" * 58 + " str_has_prefix") +
                 "cat kprobe_events; ls events/kprobes")
    long = "long_" + "n" * 58
    equal(result.stdout.splitlines(),
          [f"p:kprobes/p_tracing_on_show_{off} tracing_on_show+{off}", "p:kprobes/p_strcmp_0 strcmp",
           f"p:kprobes/p_0x{addr:016x} 0x{addr:016x}", f"p:kprobes/{long} str_has_prefix"] +
          sorted(["enable", "filter", f"p_tracing_on_show_{off}/", "p_strcmp_0/", f"p_0x{addr:016x}/", f"{long}/"]),
          "names that weren't given, as Linux makes them", result.stdout)
    linux = sample("kprobe_events.txt").splitlines()
    equal(linux[0], "p:kprobes/p_vfs_write_5 vfs_write+5", "… which is how")
    long = max((s.name for s in KERNEL.functions(".text") if "." not in s.name and len(s.name) < 50), key=len)
    offsets = [i.offset for i in CODE[long] if can_be_probed(i)][:2]
    result = run(define(*(f"p {long}+{off}" for off in offsets)) + "ls events/kprobes")
    equal((result.status, result.stdout), (0, "enable\nfilter\n" + "".join(f"p_{long}_{off}/\n" for off in offsets)),
          f"two unnamed events on a long name, {long}")
    result = run(define("p:" + "n" * 64 + " strcmp"))
    equal((result.status, result.stdout), (1, f"sh: kprobe_events: write error: {EINVAL}\n"), "a name of 64 characters is too long")


def test_list():
    a, b = KERNEL.by_name["strcmp"].addr, KERNEL.by_name["tracing_on_show"].addr
    off = middle_of("tracing_on_show")
    # by a technique: auto's would be a jump after a while
    result = run("echo step > kprobes/technique\n" + define("p:a strcmp", f"p:b tracing_on_show+{off}") + enable("b") + "cat kprobes/list")
    linux = re.compile(r"[0-9a-f]{16}  k  [\w.]+\+0x[0-9a-f]+    (\[[A-Z]+\])*")
    ok(all(linux.fullmatch(line) for line in sample("kprobes-list.txt").splitlines()), "kprobes/list: Linux's shape")
    equal(sorted(result.stdout.splitlines()),
          sorted([f"{a:016x}  k  strcmp+0x0    [DISABLED]", f"{b + off:016x}  k  tracing_on_show+0x{off:x}    "]),
          "kprobes/list: every probe, and whether it is armed")


def test_jump():
    """explain measures a jump, and so waits until all are there that can be."""
    function = "tracing_on_show"
    explained = run("".join(f"explain {function}+{insn.offset}\n{MARK}" for insn in CODE[function])).stdout.split(CUT)
    jumping = [insn for insn, text in zip(CODE[function], explained) if ", then jump\n" in text]
    if not ok(jumping, "explain: some places become jumps", *explained):
        return
    addr, place = jumping[0].addr, f"{function}+0x{jumping[0].offset:x}"
    text = next(line for line in explained[CODE[function].index(jumping[0])].splitlines() if line.startswith("bytes "))
    result = run(define(f"p:j {place}", "p:d strcmp") + enable("d") + enable("j") + f"explain strcmp\n{MARK}explain {place}\n{MARK}" +
                 f"cat kprobes/list\n{MARK}{enable('d', 0)}" + "cat tracing_on\n" * 3 + f"{MARK}cat trace\n{MARK}" +
                 f"{enable('j', 0)}cat kprobes/list\n")
    equal(result.status, 0, "a jump: status 0", result.stdout, result.stderr)
    _, explained, listed, answers, trace, disabled = result.stdout.split(CUT)
    contains(explained, "probe      by jump, 0 hits", "explain: the probe there is a jump")
    contains(explained, "chosen     jump\n", "… which is what auto has chosen")
    contains(explained, text + "\n", "… which is looked through")
    contains(listed, f"{addr:016x}  k  {place}    [OPTIMIZED]\n", "kprobes/list: [OPTIMIZED], as on Linux")
    contains(listed, "  k  strcmp+0x0    [FTRACE]\n", "… and an entry is not")
    equal(answers, "1\n" * 3, "the probed function's answer is what it is without")
    equal(trace.count(f" j: ({place}/"), 3, "each hit has its line", trace)
    contains(disabled, f"{addr:016x}  k  {place}    [DISABLED]\n", "disabled it is no jump any more")


def test_blacklist():
    line = re.compile(r"0x([0-9a-f]{16})-0x([0-9a-f]{16})\t(\S+)")
    ok(all(line.fullmatch(each) for each in sample("kprobes-blacklist.txt").splitlines()), "kprobes/blacklist: Linux's shape")
    found = [line.fullmatch(each) for each in run("cat kprobes/blacklist").stdout.splitlines()]
    ok(found and all(found), "kprobes/blacklist: every line has it")
    ranges = {each[3]: (int(each[1], 16), int(each[2], 16)) for each in found if each}
    functions = KERNEL.functions(*HIDDEN)
    equal([f.name for f in functions if ranges.get(f.name) != (f.addr, f.addr + f.size)], [],
          "kprobes/blacklist: all hidden C functions, from first to last byte")
    bounds = [(s.addr, s.addr + s.size) for s in KERNEL.sections if s.name in HIDDEN]
    gaps = []
    for start, end in bounds:
        at = start
        for low, high in sorted(r for r in ranges.values() if start <= r[0] < end):
            gaps += [hex(at)] if low - at >= 16 else []  # less is alignment
            at = max(at, high)
        gaps += [hex(at)] if end - at >= 16 else []
    equal(gaps, [], "kprobes/blacklist: … and assembly: no byte of the hidden sections is missing")
    equal([name for name, (low, _) in ranges.items() if not any(start <= low < end for start, end in bounds)], [],
          "kprobes/blacklist: nothing visible is in it")


def test_sections():
    lines = re.findall(r"^(\S+) +(\d+) functions +(\d+) bytes(  hidden)?$", run("cat kprobes/sections").stdout, re.M)
    equal([(name, int(size), bool(hidden)) for name, _, size, hidden in lines],
          [(name, KERNEL.section(name).size, name in HIDDEN) for name in (".text", ".kprobes.text", ".noinstr.text", ".entry.text")],
          "kprobes/sections: the four kinds of text, and how much of each")
    listed = run("cat kprobes/blacklist").stdout.splitlines()
    equal(sum(int(n) for _, n, _, hidden in lines if hidden), len(listed), "… the hidden functions are those of kprobes/blacklist")


def test_enable_file():
    result = run(define("p:x strcmp") + "cat events/kprobes/x/enable\n" + enable("x") * 2 + "cat events/kprobes/x/enable\n" +
                 enable("x", 2) + enable("x", "''") + enable("x", 0) * 2 + "cat events/kprobes/x/enable")
    bad = f"sh: events/kprobes/x/enable: write error: {EINVAL}\n"
    equal(result.stdout, "0\n1\n" + bad + bad + "0\n", "enable takes 0 and 1, each any number of times")


def test_two_at_one_place():
    off = middle_of("tracing_on_show")
    result = run(define(f"p:a tracing_on_show+{off}", f"p:b tracing_on_show+{off}") + enable("a") + "cat tracing_on\n" + enable("b") +
                 "cat tracing_on\n" + enable("a", 0) + "cat tracing_on; cat trace\n" + define("-:a", how=">>") + MARK + "cat tracing_on; cat kprobe_profile")
    text, profile = result.stdout.split(CUT)
    equal(profile, f"1\n  {'b':<44} {3:>15} {0:>15}\n", "two events at one place: each counts while it is enabled")
    equal(re.findall(r": (\w): \(tracing_on_show\+", text), ["a", "a", "b", "b"], "… and records, the first defined first")


def test_techniques():
    """Each way of running the instruction gives the same answer, and takes its own traps."""
    def each(off, traps, names):
        for technique in names:
            result = run(f"echo {technique} > kprobes/technique; cat kprobes/technique\n" + define(f"p:x tracing_on_show+{off}") +
                         enable("x") + "nest mark; cat tracing_on; nest\n")
            ok(result.status == 0 and f"[{technique}]" in result.stdout and "\n1\n" in result.stdout, f"{technique}: the same answer",
               result.stdout)
            found = [len(re.findall(pattern, result.stdout)) for pattern in ("#BP hit", "#DB hit")]
            equal(found, traps[technique], f"{technique}: so many int3s and #DBs", result.stdout)
    traps = {"step": [1, 1], "int3": [2, 0], "boost": [1, 0], "emulate": [1, 0]}
    push = next(i.offset for i in CODE["tracing_on_show"] if i.text.startswith("push "))
    plain = next(i.offset for i in CODE["tracing_on_show"] if i.text.startswith("mov "))
    each(plain, traps, ["step", "int3", "boost"])
    each(push, traps, ["step", "int3", "boost", "emulate"])
    result = run("cat kprobes/technique; echo steps > kprobes/technique; cat kprobes/technique; echo emulate > kprobes/technique\n" +
                 define(f"p:x tracing_on_show+{plain}") + "cat error_log")
    automatic = "[auto] step int3 emulate boost jump ftrace\n"
    ok(result.stdout.startswith(automatic + f"sh: kprobes/technique: write error: {EINVAL}\n" + automatic +
                                f"sh: kprobe_events: write error: {EINVAL}\n") and "Instruction can't be emulated" in result.stdout,
       "kprobes/technique: names it doesn't know, and a place where it doesn't apply", result.stdout)


# ---- with the function tracer ----------------------------------------------------------------------------------------


def test_entry_while_not_traced():
    result = run(define("p:e tracing_on_show") + enable("e") + "cat tracing_on; cat kprobe_profile; cat trace")
    ok(result.status == 0 and re.search(r"^  e +1 +0$", result.stdout, re.M)
       and re.search(r": e: \(tracing_on_show\+0x0/", result.stdout), "a probe on a function's entry, without the tracer",
       result.stdout)


def test_entry_while_traced():
    """By the tracer's own call, so both are there, in either order; by an int3 only one can be."""
    traced = "echo tracing_on_show > set_ftrace_filter; echo function > current_tracer\n"
    probed = define("p:e tracing_on_show") + enable("e")
    look = "cat kprobes/list; echo > trace; cat tracing_on; echo 0 > tracing_on; cat trace; echo 1 > tracing_on\n"
    for name, first in (("traced first", traced + probed), ("probed first", probed + traced)):
        result = run(first + "cat enabled_functions\n" + look + enable("e", 0) + "echo > trace; cat tracing_on; cat trace")
        ok(result.status == 0 and "tracing_on_show+0x0    [FTRACE]\n" in result.stdout, f"{name}: kprobes/list says how", result.stdout)
        ok("tracing_on_show (2) R " in result.stdout, f"{name}: and so does enabled_functions", result.stdout)
        equal(sorted(re.findall(r": (tracing_on_show <-|e: \(tracing_on_show\+0x0)", result.stdout)),
              ["e: (tracing_on_show+0x0", "tracing_on_show <-", "tracing_on_show <-"], f"{name}: both record, then only the tracer", result.stdout)
    result = run("echo step > kprobes/technique\n" + define("p:e tracing_on_show") + traced + enable("e"))
    equal((result.status, result.stdout), (1, f"sh: events/kprobes/e/enable: write error: {EBUSY}\n"), "an int3 can't be where the tracer's call is")


def test_tracer_leaves_probed_entry():
    result = run("echo step > kprobes/technique\n" + define("p:e tracing_on_show") + enable("e") +
                 "echo '*_show' > set_ftrace_filter; echo function > current_tracer\n"
                 "echo > trace; cat tracing_on kprobes/unsafe; echo 0 > tracing_on; cat trace; cat kprobe_profile; echo 1 > tracing_on\n" +
                 enable("e", 0) + MARK + "echo > trace; cat tracing_on; cat trace")
    first, second = result.stdout.split(CUT)
    equal(result.status, 0, "tracing every function but a probed one: status 0", result.stdout, result.stderr)
    contains(result.log, "ftrace: 1 function(s) left as they are: a probe sits on their entry\n", "… which the log says")
    ok("tracing_on_show <-" not in first and "unsafe_show <-" in first, "… it isn't traced, the others are", first)
    ok(re.search(r"^  e +\d+ +0$", first, re.M) and ": e: (tracing_on_show+0x0/" in first, "… and its probe is hit", first)
    contains(second, "tracing_on_show <-", "without the probe it is traced at once")


def test_text_is_restored():
    off = middle_of("strcmp")
    result = run("echo 1 > health\n" + define("p:a strcmp", f"p:b strcmp+{off}") + enable("a") + enable("b") + "ls; cat health\n" +
                 enable("a", 0) + enable("b", 0) + "echo > kprobe_events\n" + MARK + "cat health")
    armed, gone = result.stdout.split(CUT)
    ok("text bytes" in armed and re.search(r"^  text bytes.*DIFFERENT$", armed, re.M), "health sees armed probes", armed)
    ok("text bytes" in gone and "DIFFERENT" not in gone, "… and that they are gone without a trace", gone)


test_hits("pvh")
test_hits("iso", boot="iso")
test_hits("counting instructions", icount=1)
test_as_promised()
test_every_instruction()
test_refusals()
test_every_offset()
test_unsafe()
test_all_or_nothing()
test_removal_and_truncation()
test_names()
test_list()
test_jump()
test_blacklist()
test_sections()
test_enable_file()
test_two_at_one_place()
test_techniques()
test_entry_while_not_traced()
test_entry_while_traced()
test_tracer_leaves_probed_entry()
test_text_is_restored()
done()
