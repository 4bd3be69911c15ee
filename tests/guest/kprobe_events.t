#!/usr/bin/python3
"""Probe events with arguments: Linux's grammar, format, lines and errors; and a refused definition changes nothing."""

import re
import sys

sys.dont_write_bytecode = True
from elf import Elf
from nestling import TRACING, run
from tap import contains, done, equal, ok
from tracetext import ENTRY, parse, sample

KERNEL = Elf()
CD = f"cd {TRACING}\n"
CUT = "--\n"
TEXT = {"EINVAL": "Invalid argument", "ENOENT": "No such file or directory", "E2BIG": "Argument list too long",
        "EEXIST": "File exists", "EBUSY": "Device or resource busy",
        "EILSEQ": "Invalid or incomplete multibyte or wide character"}
# The place is at the end of what error_log keeps of a line, and behind it.
LONG = [("EINVAL", "Invalid register name", "p:long strlen a=%di".ljust(at) + "%nosuch", at) for at in (253, 254, 255, 256, 900)]
# What the parser takes, and the kernel doesn't. The place is what is wrong.
PLACES = [("EINVAL", r"Probe point is hidden in \.noinstr\.text: see kprobes/unsafe", "p:a/b rcu_nmi_enter a=%di", 6),
          ("EINVAL", r"Probe point is in \.entry\.text, .*", "p:b asm_exc_int3 $arg1", 4),
          ("EILSEQ", "Probe point is not an instruction boundary", "p  strcmp+1 %ax", 3),
          ("EINVAL", "Probe point is not in kernel text", "p:bad 0x1000 %ax", 6),
          ("EINVAL", "Return probe is at a function that isn't traced: it may be what hooks returns", "r:b kretprobe_return", 4),
          ("EILSEQ", "Probe point is not an instruction boundary", "w:bad strcmp+1:1:x", 6),
          ("EEXIST", "Given group/event name is already used by another event", "p:old strlen a=%di", 6),
          ("EEXIST", "Given group/event name is already used by another event", "r:old strlen $retval", 6),
          ("EEXIST", "Given group/event name is already used by another event", "p:sched/sched_switch strlen", 21),
          ("EINVAL", "Event name is not specified", "-", 1), ("EINVAL", "Event name is not specified", "-:", 2),
          ("EINVAL", "Event name is not specified", "-old", 1), ("ENOENT", "Event doesn't exist", "-:nosuch", 2),
          ("ENOENT", "Event doesn't exist", "-:nosuch/", 2), ("ENOENT", "Event doesn't exist", "-:g/old", 2),
          ("EINVAL", "Group name is not specified", "-:/old", 2), ("EINVAL", "Nothing else belongs to a removal", "-:old strcmp", 5),
          ("EBUSY", "Event is in use: disable it, and take its triggers away", "-:old", 2), ("EBUSY", "Event is in use: disable it, and take its triggers away", "-:kprobes/", 2)] + LONG


def malformed():
    """(errno, sentence as a pattern, definition, column) of each."""
    lines = sample("kprobe-malformed.txt").splitlines()
    for head, line, caret in zip(lines[::3], lines[1::3], lines[2::3]):
        errno, sentence = head.split(" ", 1)
        yield errno, re.escape(sentence), line, caret.index("^")


def session(*pieces, **options):
    result = run(CD + "echo --\n".join(piece + "\n" for piece in pieces), **options)
    return result.stdout.split(CUT)


def define(*lines, how=">"):
    return "echo '" + "\n".join(lines) + f"' {how} kprobe_events\n"


STATE = "cat kprobe_events kprobes/list available_events kprobe_profile; ls events events/kprobes"


def test_malformed():
    """Each is refused with its errno, its sentence and its caret, alone and behind a good line, and nothing is another than before."""
    cases = list(malformed()) + PLACES
    ok(len(cases) > 100, f"{len(cases)} malformed definitions")
    for how, before in (("alone", ""), ("behind a good one", "p:good strlen %di\n")):
        pieces = [define("p:old strcmp a=%di") + "echo 1 > events/kprobes/old/enable; " + STATE]
        for _, _, line, _ in cases:
            pieces.append(f"echo > error_log; echo '{before}{line}' >> kprobe_events; cat error_log")
        answers = session(*pieces, STATE)
        equal(len(answers), len(cases) + 2, f"{how}: an answer to each")
        for (errno, sentence, line, column), answer in zip(cases, answers[1:]):
            if column >= 255:
                line, column = line[column - 128:], 128  # what is around the place
            shape = (rf"sh: kprobe_events: write error: {TEXT[errno]}\n\[ *\d+\.\d{{6}}\] trace_kprobe: error: {sentence}\n"
                     rf"  Command: {re.escape(line[:255])}\n {{{column + 11}}}\^\n")
            if not re.fullmatch(shape, answer):
                ok(False, f"{how}: {line}", f"wanted {errno} {sentence} at {column}", answer)
        profile = re.compile(r"^  old .*\n", re.M)  # it is hit all the time
        equal(profile.sub("", answers[-1]), profile.sub("", answers[0]), f"{how}: none has changed anything")


def test_linux_samples():
    """The error of Linux's own sample, to the column; the format of its event; its lines."""
    theirs = re.search(r"\] (trace_kprobe: error: Invalid register name)\n  Command: (.*)\n( *\^)", sample("kprobe-error_log.txt"))
    line = theirs[2].replace("do_sys_openat2", "tracing_on_sho")  # as long
    log, = session(define(line.replace("tracing_on_sho", "strcmp        ")) + "cat error_log")
    equal(log.splitlines()[1].split("] ")[1], theirs[1], "error_log: Linux's sentence")
    equal(log.splitlines()[-1], theirs[3], "error_log: … with the caret at Linux's place")
    form, lines, back = session(define("p:op strcmp dfd=%si:s32 file=+0($arg1):string", "r:ret strcmp ret=$retval:s32") +
                                "cat events/kprobes/op/format", "echo 1 > events/kprobes/enable; cat trace\n"
                                "echo 0 > events/kprobes/enable", "cat kprobe_events")
    equal(re.sub(r"ID: \d+", "ID: 1338", form), sample("kprobe-event-format.txt"), "format: as Linux's, to the character")
    shapes = (r"op: \(strcmp\+0x0/0x[0-9a-f]+\) dfd=-?\d+ file=\"[^\"]*\"", r"ret: \(\w+\+0x[0-9a-f]+/0x[0-9a-f]+ <- strcmp\) ret=-?\d+")
    theirs = [re.sub(r"__x64_sys_openat|do_sys_openat2", "strcmp", line)
              for line in sample("trace-kprobe-events.txt").splitlines() if re.search(": (op|ret): ", line)]
    for text, whose in ((theirs, "Linux's"), ([entry for entry in parse(lines).lines], "ours")):
        bodies = [ENTRY.fullmatch(entry)["body"] for entry in text]
        wrong = [body for body in bodies if not any(re.fullmatch(shape, body) for shape in shapes)]
        ok(len(bodies) > 3 and not wrong and all(any(re.fullmatch(shape, body) for body in bodies) for shape in shapes),
           f"trace: lines of {whose} shape", *wrong)
    equal(back, "p:kprobes/op strcmp dfd=%si:s32 file=+0($arg1):string\nr10:kprobes/ret strcmp ret=$retval:s32\n",
          "kprobe_events: what was defined")


ALL = ['a=%di', 'b=+0(%di):string', 'c=%si:u8', 'd=$stack0', 'e=$stack', 'f=$comm', r'g=\-1:s64', r'h=\"a:b"', 'i=@strcmp:x8[4]',
       'j=+0(%di):x8[3]', 'k=-8(+0(%di)):ustring', 'l=%ip:symbol', 'm=%si:b3@1/8', 'n=@0x8000000000000000:string', '$arg2', '$arg7:x32',
       'o=@0xffffffffb0000000', 'p=+u4(%cx):u16', 'q=+0(%sp):string[2]']


def test_read_back():
    """What kprobe_events says, written to it, is the same."""
    lines = [f"p:all strcmp+0 {' '.join(ALL)}", "p strlen+5 %ax", "r strcmp $retval", "r7:g/h strcmp%return", "p:g/ str_has_prefix",
             f"p:addr 0x{KERNEL.by_name['strcmp'].addr:x} $arg3"]
    first, _ = session(define(*lines) + "cat kprobe_events", "")
    ok(len(first.splitlines()) == len(lines), "each is there", first)
    second, = session(define(*first.splitlines()) + "cat kprobe_events")
    equal(second, first, "read back and written again, the definitions are the same")


def test_fields():
    """Every kind of argument is recorded; filters, triggers and histograms know the fields."""
    # The command's name is looked for by the kernel; what else compares strings would fill the buffer.
    text, = session(define(f"p:all strcmp {' '.join(ALL)}") + "echo 'b == \"explain\"' > events/kprobes/all/filter\n"
                    "echo 1 > events/kprobes/all/enable; explain strlen\n"
                    "echo 0 > events/kprobes/all/enable; cat trace")
    body = next((b for line in text.splitlines() if ": all: " in line and (b := line.split(": all: ")[1]) and 'b="explain"' in b), "")
    value = r"0x[0-9a-f]+"
    ok(re.fullmatch(rf'\(strcmp\+0x0/{value}\) a={value} b="explain" c=\d+ d={value} e={value} f="stream" g=-1 h="a:b" i={{{value},{value},{value},{value}}} '
                    rf'j={{0x65,0x78,0x70}} k=\(fault\) l=strcmp\+0x0/{value} m=\d n=\(fault\) arg15={value} arg16={value} o=0x0 p=\d+ '
                    rf'q={{.*,.*}}', body), "each kind of argument in a line", body)
    where = "events/kprobes/n"
    setup = define("p:n strcmp a=+0(%di):string b=+0(%di):u8 c=+0(%di):u8[2]")
    hits = f"echo 1 > {where}/enable; explain strlen; echo 0 > {where}/enable; cat trace"
    for condition, start, wanted in (('a == "explain"', "explain", True), ('a ~ "ex*"', "ex", True), ("b == 101 && b & 0x60 && common_pid > 1", "e", True),
                              ('a == "nosuch"', "nosuch", False)):
        text, = session(setup + f"echo '{condition}' > {where}/filter; " + hits)
        found = set(re.findall(r' a="([^"]*)"', text))
        ok("explain" in found if wanted else not found, f"filter: {condition} lets pass what it should", found)
        ok(all(text.startswith(start) for text in found), f"filter: {condition}: … and nothing else", found)
    wrong, = session(setup + f"echo 'c == 1' > {where}/filter; echo 'a == 1' > {where}/filter; echo 'b ~ \"x\"' > {where}/filter\n"
                     f"echo hist:keys=c > {where}/trigger; cat error_log")
    equal(wrong.count("write error: Invalid argument"), 4, "an array can't be filtered or counted, a string is no number", wrong)
    text, hist = session(setup + f"echo 'hist:keys=a if a == \"explain\"' > {where}/trigger; echo stacktrace:1 > {where}/trigger; {hits}",
                         f"cat {where}/hist")
    ok(re.search(r"^\{ a: explain +\} hitcount: +[1-9]", hist, re.M) and "Entries: 1" in hist, "hist: counted by a string", hist)
    equal(text.count("<stack trace>"), 1, "stacktrace: a trigger", text)


def test_watchpoints():
    """A variable by its name: who writes to it, and what."""
    back, text, profile = session(define("w:w kprobe_unsafe:1:w v=@kprobe_unsafe:u8 a=@kprobe_unsafe+0:x8[1]", "w:r live_ring") +
                                  "cat kprobe_events", "echo 1 > events/kprobes/w/enable; echo 1 > kprobes/unsafe; cat trace; "
                                  "echo 0 > events/kprobes/w/enable; echo 0 > kprobes/unsafe", "cat kprobe_profile")
    equal(back, "w:kprobes/w kprobe_unsafe:1:w v=@kprobe_unsafe:u8 a=@kprobe_unsafe+0:x8[1]\nw:kprobes/r live_ring:8:rw\n",
          "watchpoints: read back")
    found = re.findall(r": w: \(unsafe_store\+0x[0-9a-f]+/0x[0-9a-f]+\) v=1 a=\{0x1\}$", text, re.M)
    ok(found and len(found) == text.count(": w: "), "watchpoints: each write has a line, with what there is afterwards", text)
    equal(profile.split()[:3], ["w", str(len(found)), "0"], "watchpoints: kprobe_profile counts them")
    refused, after = session(define(*(f"w:w{n} kprobe_unsafe:1:w v=%di" for n in range(5))) + "".join(f"echo 1 > events/kprobes/w{n}/enable\n" for n in range(5)) + "cat error_log events/kprobes/w4/enable",
                             "echo 0 > events/kprobes/w1/enable; echo 1 > events/kprobes/w4/enable; cat events/kprobes/w4/enable")
    ok(re.fullmatch(r"sh: events/kprobes/w4/enable: write error: No space left on device\n"
                    r"\[ *\d+\.\d{6}\] trace_kprobe: error: All debug registers are taken\n"
                    r"  Command: w:kprobes/w4 kprobe_unsafe:1:w v=%di\n {24}\^\n0\n", refused), "watchpoints: the fifth is refused, in words", refused)
    equal(after, "1\n", "… and taken when another has gone")


def test_removal():
    """A whole group goes by its name, unless one of it is in use."""
    lines = define("p:g/a strcmp", "r:g/b strlen", "p:h/a strlen")
    back, errors = session(lines + "echo 1 > events/g/b/enable; echo -:g/ >> kprobe_events; cat kprobe_events; echo 0 > events/g/b/enable",
                           "echo -:g/ >> kprobe_events; cat kprobe_events; ls events")
    ok("Device or resource busy" in back and back.count("\n") == 4, "-:g/ is refused while one of them is enabled", back)
    ok(errors.startswith("p:h/a strlen\n") and "g/" not in errors.split(), "… and takes all of them otherwise", errors)


def test_boot():
    """kprobe_event= on the command line: what is right is there and on, what isn't is said, and boot goes on."""
    words = "kprobe_event=p,nothing;r,nothing kprobe_event=p:boot/a,tracefs_read;;p,nosuch;r:b,tracefs_read,v=$retval;p:boot/a,tracefs_write;p,kmalloc,%xx"
    for how, options in (("PVH", {}), ("GRUB", {"boot": "iso"})):
        result = run(CD + "cat kprobe_events; cat trace", append=words + " kprobe_event=", **options)
        equal((result.status, result.stdout.split("#")[0]), (0, "p:boot/a tracefs_read\nr10:kprobes/b tracefs_read v=$retval\n"),
              f"{how}: what can be had is there", result.stdout[:500])
        ok(": a: (tracefs_read+" in result.stdout and ": b: (" in result.stdout, f"{how}: … and on", result.stdout[-500:])
        equal([line for line in result.log.splitlines() if line.startswith("cmdline")],
              ['cmdline: "kprobe_event=" ignored: kprobe_event wants =DEFINITION[;DEFINITION]...',
               "cmdline: Failed to add event(-2): p nosuch: No such file or directory, see error_log",
               "cmdline: Failed to add event(-17): p:boot/a tracefs_write: File exists, see error_log",
               "cmdline: Failed to add event(-22): p kmalloc %xx: Invalid argument, see error_log"], f"{how}: the rest is said")


test_malformed()
test_boot()
test_linux_samples()
test_read_back()
test_fields()
test_watchpoints()
test_removal()
done()
