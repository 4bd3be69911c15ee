#!/usr/bin/python3
"""Probes in programs through their files: Linux's grammar, lines and errors; and what the program computes is what it was without."""

import os
import re
import sys

sys.dont_write_bytecode = True
from nestling import ROOT, TRACING, run
from tap import contains, done, equal, ok
from tracetext import sample

CD = f"cd {TRACING}\n"
CUT = "--\n"
TEXT = {"EINVAL": "Invalid argument", "ENOENT": "No such file or directory",
        "EILSEQ": "Invalid or incomplete multibyte or wide character", "EEXIST": "File exists", "EBUSY": "Device or resource busy"}
LINE = re.compile(r"^ +\S+-\d+ +\[\d+\] \S+ +\d+\.\d+: (.*)$", re.M)


def session(*pieces, **options):
    result = run(CD + "echo --\n".join(piece + "\n" for piece in pieces), **options)
    return result.stdout.split(CUT)


def define(*lines, how=">"):
    return "echo '" + "\n".join(lines) + f"' {how} uprobe_events\n"


def addresses():
    """The program's symbols, by nm's own reading."""
    import subprocess
    folder = os.environ.get("USER_PROGRAMS") or os.path.join(ROOT, "build/user")
    lines = subprocess.run(["nm", os.path.join(folder, "probed.stripped")], check=True, capture_output=True, text=True).stdout
    return {line.split()[2]: int(line.split()[0], 16) for line in lines.splitlines() if len(line.split()) == 3}


def test_events():
    """A probe, a return probe, arguments of all kinds; format, profile, filter, trigger; and nothing is left of them."""
    sym = addresses()
    zoo, call = sym["probed_zoo"], sym["probed_call"]
    answers = session(
        "exec probed",
        define("p:z /bin/probed:probed_zoo seed=$arg1 c=$comm", "p /bin/probed:probed_call n=%di:u32 t=+0($arg2):string u=+1(%si):ustring r=$stack0 bad=+0(\\0):string no=+8(\\7)",
               "r:g/back /bin/probed:probed_call v=$retval:s64", "r:never /bin/probed:probed_touch") + "cat uprobe_events",
        "echo 1 > events/uprobes/enable; echo 1 > events/g/back/enable; exec probed; cat trace",
        "cat uprobe_profile",
        "echo 'n == 2 && t ~ \"*text\"' > events/uprobes/p_probed_0x1%x/filter; echo > trace; exec probed; cat trace" % (call & 0xfff),
        "echo 0 > events/uprobes/p_probed_0x1%x/filter; echo 'hist:keys=v' > events/g/back/trigger; exec probed; cat events/g/back/hist" % (call & 0xfff),
        "echo '!hist:keys=v' > events/g/back/trigger; cat events/uprobes/z/format events/g/back/format",
        "echo > uprobe_events; cat error_log; echo 0 > events/uprobes/enable; echo 0 > events/g/enable; echo > uprobe_events; echo > trace; exec probed; cat uprobe_events trace; ls events",
        "echo 1 > health; exec probed; cat health; cat wx")
    plain = answers[0]
    ok(re.fullmatch(r"exec: probed: status \d+\nsh: exec: Input/output error\n", plain), "the program has a result", plain)
    name = f"p_probed_0x{call - zoo + 0x1000:x}"
    offset = call - zoo + 0x1000
    equal(answers[1], f"p:uprobes/z /bin/probed:0x{0x1000:016x} seed=$arg1 c=$comm\n"
          f"p:uprobes/{name} /bin/probed:0x{offset:016x} n=%di:u32 t=+0($arg2):string u=+1(%si):ustring r=$stack0 bad=+0(\\0):string no=+8(\\7)\n"
          f"r:g/back /bin/probed:0x{offset:016x} v=$retval:s64\n"
          f"r:uprobes/never /bin/probed:0x{sym['probed_touch'] - zoo + 0x1000:016x}\n", "uprobe_events shows what was defined, by offset")
    lines = LINE.findall(answers[2])
    ok(answers[2].startswith(plain), "the result is the same with probes", answers[2])
    equal([line for line in lines if line.startswith("z:")],
          [f'z: (0x{zoo:x}) seed=0x{i * 0x123456789:x} c="probed"' for i in range(4)], "a probe's lines")
    calls = [line for line in lines if line.startswith(name)]
    equal(len(calls), 13, "each call is hit")
    ok(re.fullmatch(rf'{name}: \(0x{call:x}\) n=0 t="some text" u="ome text" r=0x[0-9a-f]+ bad=\(fault\) no=0x0', calls[0]),
       "arguments: the user's registers and memory, and nothing where there is none", calls[0])
    values = [int(line.split("v=")[1]) for line in lines if line.startswith("back:")]

    def nested(n, first):
        value, out = first, [first * 3]
        for i in range(1, n + 1):
            out.append(out[-1] * 3 + i)
        return out
    equal(values, [v for i in range(4) for v in nested(i, ord("s"))] + nested(2, ord("x")), "what nested calls return, innermost first")
    ok(all(re.fullmatch(rf"back: \(0x[0-9a-f]+ <- 0x{call:x}\) v=\d+", line) for line in lines if line.startswith("back:")),
       "a return probe's lines", answers[2])
    equal(re.findall(r"^  /bin/probed +(\S+) +(\d+)$", answers[3], re.M), [("z", "4"), (name, "13"), ("back", "13"), ("never", "0")], "uprobe_profile")
    filtered = [line for line in LINE.findall(answers[4]) if line.startswith(name)]
    equal([line.split(" r=")[0] for line in filtered], [f'{name}: (0x{call:x}) n=2 t="some text" u="ome text"'] * 2, "a filter on arguments")
    ok(re.search(r"v: +345 .*hitcount: +4", answers[5]), "a histogram of return values", answers[5])
    contains(answers[6], 'print fmt: "(%lx) seed=0x%Lx c=\\"%s\\"", REC->__probe_ip, REC->seed, __get_str(c)', "a probe's format")
    contains(answers[6], "field:unsigned long __probe_ret_ip;", "a return probe's format")
    ok(answers[7].startswith("sh: uprobe_events: write error: Device or resource busy\n"), "while one is enabled they can't be replaced", answers[7])
    ok(plain in answers[7] and not LINE.findall(answers[7]) and "uprobes/" not in answers[7], "and then nothing is left of them", answers[7])
    ok("differs" not in answers[8] and ", 0 of those writable under any name" in answers[8], "nor in the machine", answers[8])


def test_malformed():
    """Each is refused with its errno, its sentence and its caret, and nothing is another than before."""
    lines = sample("uprobe-malformed.txt").splitlines()
    cases = [(head.split(" ", 1), line, caret.index("^")) for head, line, caret in zip(lines[::3], lines[1::3], lines[2::3])]
    cases += [(("EEXIST", "Given group/event name is already used by another event"), "p:old /bin/probed:probed_zoo+4", 6),
              (("EEXIST", "Given group/event name is already used by another event"), "p:sched/sched_switch /bin/probed:probed_zoo", 21),
              (("EINVAL", "Event name is not specified"), "-", 1), (("ENOENT", "Event doesn't exist"), "-:nosuch", 2),
              (("ENOENT", "Event doesn't exist"), "-:kprobes/old", 2), (("EBUSY", "Event is in use: disable it, and take its triggers away"), "-:old", 2)]
    ok(len(cases) > 70, f"{len(cases)} malformed definitions")
    state = "cat uprobe_events available_events uprobe_profile; ls events events/uprobes"
    pieces = [define("p:old /bin/probed:probed_zoo a=%di") + "echo 1 > events/uprobes/old/enable; " + state]
    pieces += [f"echo > error_log; echo '{line}' >> uprobe_events; cat error_log" for _, line, _ in cases]
    answers = session(*pieces, state)
    equal(len(answers), len(cases) + 2, "an answer to each")
    for ((errno, sentence), line, column), answer in zip(cases, answers[1:]):
        shape = (rf"sh: uprobe_events: write error: {TEXT[errno]}\n\[ *\d+\.\d{{6}}\] trace_uprobe: error: {re.escape(sentence)}\n"
                 rf"  Command: {re.escape(line[:255])}\n {{{column + 11}}}\^\n")
        if not re.fullmatch(shape, answer):
            ok(False, line, f"wanted {errno} {sentence} at {column}", answer)
    equal(answers[-1], answers[0], "none has changed anything")


test_events()
test_malformed()
done()
