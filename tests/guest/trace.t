#!/usr/bin/python3
"""The function tracer through its control files: Linux's words, Linux's shapes, and the same answers."""

import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from elf import HIDDEN, Elf
from nestling import ROOT, TRACING, environment, run
from tap import contains, done, equal, ok
from tracetext import ENTRY, FUNCTION, bodies, header_like, misshapen, parse, sample

sys.path.insert(0, os.path.join(ROOT, "tests/host"))
from tree import source_files

MARK = "echo --\n"
KERNEL = Elf()


def session(script, status, name, **options):
    """Runs a script and gives its output in pieces, cut at each MARK."""
    result = run(script, **options)
    equal(result.status, status, f"{name}: status {status}", result.stdout[-2000:], result.stderr)
    return result.stdout.split("--\n")


def test_the_shape_itself():
    for name in ("trace-function.txt", "trace-kprobe-events.txt", "trace-kprobe-in-irq.txt"):
        lines = [line for line in sample(name).splitlines() if not line.startswith("#")]
        wrong = [line for line in lines if not ENTRY.fullmatch(line)]
        equal((len(lines) > 0, wrong), (True, []), f"Linux's own lines have the shape we ask for: {name}")


def looks_like_linux(text, name):
    trace = parse(text)
    equal(trace.header, header_like("function", trace.entries, trace.written), f"{name}: Linux's header")
    equal(misshapen(trace, FUNCTION)[:3], [], f"{name}: every line is Linux's")
    equal(trace.entries, len(trace.lines), f"{name}: the header counts the lines")
    names = {body["name"] for body in bodies(trace, FUNCTION) if body}
    ok({"sys_trace_open", "stream_start", "trace_show"} <= names, f"{name}: the call and the reader were traced", names)
    times = [float(ENTRY.fullmatch(line)["time"]) for line in trace.lines if ENTRY.fullmatch(line)]
    equal(times, sorted(times), f"{name}: time doesn't run backwards")
    return trace


def test_as_promised(boot):
    """The words of the README, as a user types them."""
    script = f"cd {TRACING}; echo function > current_tracer; cat trace; poweroff"
    if boot == "pvh":
        (text,) = session(script, 0, boot)
    else:
        result = run(script, boot=boot)
        equal(result.status, 0, f"{boot}: status 0", result.stderr)
        text = result.stdout
    looks_like_linux(text, boot)


def test_make_run():
    """Through make, whose quoting is one more thing that can go wrong; nothing is built."""
    cmd = f'cd {TRACING}; echo function > current_tracer; cat trace; echo "$HOME `x`"; poweroff'
    env = {name: value for name, value in environment(cmd=cmd).items() if name != "MAKEFLAGS"}
    made = subprocess.run(["make", "-s", "run"], cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, check=False, text=True)
    equal(made.returncode, 0, "make run: exit status 0", made.stderr)
    contains(made.stderr, "status 0 (ok)\n", "make run: … said on stderr")
    lines = made.stdout.splitlines()
    equal(lines[-1:], ["$HOME `x`"], "make run: commands arrive as typed")
    looks_like_linux("\n".join(lines[:-1]), "make run")


def test_empty_and_cleared():
    empty, cleared, nop = session("cat trace\n" + MARK + "echo function > current_tracer; echo > trace; cat trace\n" +
                                  MARK + "echo nop > current_tracer; echo > trace; cat trace", 0, "trace")
    equal(empty.splitlines(), header_like("nop", 0, 0), "an empty trace is Linux's header and nothing else")
    trace = parse(cleared)
    equal((trace.entries, trace.written), (len(trace.lines), len(trace.lines)), "echo > trace: counts start again")
    calls = [body["name"] for body in bodies(trace, FUNCTION)]
    ok("sys_trace_write" not in calls and "sys_trace_open" in calls, "… and what was before is gone", calls)
    equal(nop.splitlines(), header_like("nop", 0, 0), "with the tracer nop again nothing is recorded")


def test_appending_to_trace():
    first, second = session("echo strcmp > set_ftrace_filter; echo function > current_tracer; ls /; echo nop > current_tracer\n"
                            "cat trace\n" + MARK + "echo >> trace; cat trace", 0, ">> trace")
    equal(second, first[first.index("# tracer"):], ">> trace: clears nothing, as on Linux")


def test_overwritten():
    """More events than the ring holds: the header says how many there were and how many are left."""
    (text,) = session("echo function > current_tracer\n" + "cd\n" * 200 + "echo nop > current_tracer; cat trace", 0,
                      "a full ring")
    trace = parse(text)
    ok(trace.written > trace.entries, "a full ring: more were written than are there", trace.header[2])
    equal(len(trace.lines), trace.entries, "… and all that are there are shown")
    equal(misshapen(trace, FUNCTION)[:3], [], "… each whole")


def test_tracing_on():
    off, on = session("echo strcmp > set_ftrace_filter; echo function > current_tracer; echo 0 > tracing_on; echo > trace\n"
                      "cat tracing_on set_ftrace_filter trace\n" + MARK +
                      "echo 1 > tracing_on; cat tracing_on; echo 0 > tracing_on; cat trace", 0, "tracing_on")
    equal(off.splitlines(), ["0", "strcmp"] + header_like("function", 0, 0), "0: nothing is recorded")
    trace = parse(on.removeprefix("1\n"))
    equal({body["name"] for body in bodies(trace, FUNCTION)}, {"strcmp"}, "1: it is again")
    for word in ("", "x", "-1", "1x"):
        result = run(f"echo '{word}' > tracing_on; cat tracing_on")
        equal((result.status, result.stdout), (1, "sh: tracing_on: write error: Invalid argument\n1\n"), f"tracing_on refuses '{word}'")


def said_notrace():
    """Names that the kernel's sources define as notrace."""
    names = set()
    for path in source_files(ROOT):
        if path.endswith((".c", ".h")) and not path.startswith("tests/"):
            with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                text = file.read()
            names.update(re.findall(r"\bnotrace\b[^;{}()]*?(\w+)\(", text))
            # What trace/events.c makes of each event has the event's name in it.
            names.update(f"record_{name}" for name in re.findall(r"^TRACE_EVENT\(\w+, (\w+)", text, re.M))
    return names


def tests_own_code():
    """Where the linker put what tests/ adds to .text, much of it written in assembly."""
    with open(os.path.splitext(KERNEL.path)[0] + ".map", encoding="ascii") as file:
        parts = re.findall(r"^ \.text\S*\s+0x(\w+)\s+0x(\w+)\s+\S*/obj/tests/", file.read(), re.M)
    return [(int(start, 16), int(start, 16) + int(size, 16)) for start, size in parts]


def test_available_functions():
    text, tracers = session("cat available_filter_functions\n" + MARK + "cat available_tracers", 0, "available_*")
    listed = text.splitlines()
    equal(tracers, "function function_graph irqsoff nop\n", "available_tracers")
    by_addr = {s.addr: s.name for s in KERNEL.functions(".text")}
    sites = KERNEL.words("__start_mcount_loc", "__stop_mcount_loc")
    equal(sorted(listed), sorted(by_addr.get(site, hex(site)) for site in sites),
          "available_filter_functions is __mcount_loc, by name")
    hidden = {s.name for s in KERNEL.symbols if s.section in HIDDEN}
    ok(len(hidden) > 20, "the ELF has hidden functions", hidden)
    equal(sorted(hidden & set(listed)), [], "… none of which can be traced")
    tests = tests_own_code()
    missing = {name.split(".")[0] for addr, name in by_addr.items()
               if name not in listed and not any(start <= addr < end for start, end in tests)}
    equal(sorted(missing - said_notrace()), [], "every other function of .text can, unless its source says notrace")


def with_site(addr):
    """A copy of the kernel whose last tracing site is @addr."""
    end = KERNEL.by_name["__stop_mcount_loc"].addr - 8
    section = next(s for s in KERNEL.sections if s.addr <= end < s.addr + s.size)
    at = section.offset + end - section.addr
    file = tempfile.NamedTemporaryFile(prefix="nestling-site-", suffix=".elf")
    file.write(KERNEL.image[:at] + addr.to_bytes(8, "little") + KERNEL.image[at + 8:])
    file.flush()
    return file


def test_boot_refuses_bad_sites():
    for place, off, why in (("rcu_nmi_enter", 0, "a tracing site in hidden text, rcu_nmi_enter+0x0"),
                            ("asm_exc_int3", 0, "a tracing site in hidden text, asm_exc_int3+0x0"),
                            ("strcmp", 1, "the tracing site at strcmp+0x1")):
        with with_site(KERNEL.by_name[place].addr + off) as file:
            result = run("echo alive", kernel=file.name)
        equal((result.status, "alive" in result.stdout), (2, False), f"a site at {place}+{off}: the kernel doesn't come up")
        contains(result.stdout, f"panic: boot: {why}", "… and says why")


def filter_after(writes):
    """What set_ftrace_filter says after these writes, and what they printed."""
    script = "".join(f"echo '{text}' {how} set_ftrace_filter\n" for how, text in writes)
    result = run(script + MARK + "cat set_ftrace_filter\n" + MARK + "cat error_log")
    printed, names, log = result.stdout.split("--\n")
    return printed, names.split(), log


def matching(pattern):
    available = run("cat available_filter_functions").stdout.split()
    return [name for name in available if re.fullmatch(pattern, name)]


def test_filter_words():
    everything = "#### all functions enabled ####".split()
    equal(filter_after([]), ("", everything, ""), "without a filter all functions are enabled")
    equal(filter_after([(">", "strcmp"), (">", "strlen")])[1], ["strlen"], "> replaces")
    equal(set(filter_after([(">", "strcmp"), (">>", "strlen")])[1]), {"strcmp", "strlen"}, ">> adds")
    equal(set(filter_after([(">", "strcmp strlen\tglob_match\n str_has_prefix")])[1]),
          {"strcmp", "strlen", "glob_match", "str_has_prefix"}, "several words, any white space between")
    equal(filter_after([(">", "strcmp strlen"), (">>", "!strcmp")])[1], ["strlen"], "! takes out")
    equal(filter_after([(">", "strcmp"), (">>", "!strcmp")])[1], everything, "… down to none, which is all")
    equal(filter_after([(">", "strcmp"), (">", "")])[1], everything, "an empty write empties it")
    equal(filter_after([(">", "str* !strlen")])[1], [n for n in matching(r"str.*") if n != "strlen"],
          "a glob, less a name")
    equal(filter_after([(">", "*_show")])[1], matching(r".*_show"), "a glob at the front")
    equal(filter_after([(">", "*has_pre*")])[1], matching(r".*has_pre.*"), "… at both ends")
    equal(filter_after([(">", "str?mp")])[1], ["strcmp"], "… and of one character")


def test_filter_is_all_or_nothing():
    for how in (">", ">>"):
        for text, column in (("nosuch", 0), ("strlen nosuch", 7), ("strlen\tstr* no*such strcmp", 12), ("strlen !nosuch", 7),
                             ("do_int3", 0), ("strlen rcu_nmi_enter", 7)):
            printed, names, log = filter_after([(">", "strcmp"), (how, text)])
            equal((printed, names), ("sh: set_ftrace_filter: write error: Invalid argument\n", ["strcmp"]),
                  f"{how} {text!r} is refused and changes nothing")
            lines = log.splitlines()
            ok(len(lines) == 3 and re.fullmatch(r"\[ *\d+\.\d{6}\] ftrace: error: No function matches", lines[0]),
               "… error_log says why", log)
            equal(lines[1:], [f"  Command: {text}", " " * (11 + column) + "^"], "… and points at the word")


def test_filter_while_tracing():
    """The filter takes effect at once, on what is patched already; a refused one leaves the patches too."""
    pieces = session("echo function > current_tracer; echo 'only_entry_above_mount' > set_ftrace_filter; echo > trace\n"
                     "cd; echo 0 > tracing_on; cat trace\n" + MARK +
                     "echo 1 > tracing_on; echo 'strlen nosuch' > set_ftrace_filter; echo > trace\n"
                     "cd; echo 0 > tracing_on; cat trace\n" + MARK +
                     "echo > set_ftrace_filter; echo 1 > tracing_on; echo > trace; cd; echo 0 > tracing_on; cat trace", 1,
                     "a filter while tracing")
    names = [{body["name"] for body in bodies(parse(text[text.index("# tracer"):]), FUNCTION)} for text in pieces]
    equal(names[0], {"only_entry_above_mount"}, "a filter while tracing: only that function is left")
    equal(names[1], names[0], "… also after a refused one")
    ok({"only_entry_above_mount", "tracefs_stat", "sys_trace_stat"} <= names[2], "… without it, all are back", names[2])


def test_text_is_restored():
    """On, off and on again leaves no byte of text changed: the health file holds a checksum of it."""
    (text,) = session("echo 1 > health; echo function > current_tracer; echo str* > set_ftrace_filter\n"
                      "echo nop > current_tracer; echo > set_ftrace_filter; cat health", 0, "on and off")
    contains(text, "text bytes", "on and off: the text was compared")
    ok("DIFFERENT" not in text, "… and nothing is different", text)


test_the_shape_itself()
test_as_promised("pvh")
test_as_promised("iso")
test_make_run()
test_empty_and_cleared()
test_appending_to_trace()
test_overwritten()
test_tracing_on()
test_available_functions()
test_boot_refuses_bad_sites()
test_filter_words()
test_filter_is_all_or_nothing()
test_filter_while_tracing()
test_text_is_restored()
done()
