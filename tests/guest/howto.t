#!/usr/bin/python3
"""ftrace as its users know it: the commands of howto.txt, typed one after the other, and what each prints."""

import os
import re
import sys

sys.dont_write_bytecode = True
from nestling import ROOT, run
from tap import done, equal, note, ok
from tracetext import header_like

MARK = "-- end of a command --"
TIME = r"\d+\.\d{6}"
SHAPES = {
    "NAME": r"[A-Za-z_][\w.]*",
    "PLACE": r"[A-Za-z_][\w.]*\+0x[0-9a-f]+/0x[0-9a-f]+",
    "TIME": TIME,
    "TASK": r"(?= *\S+-\d)[ \S]{16}-(?=\d+ *\[)[\d ]{7}",
    "FLAGS": r"[d.][N.][hsHzZ.][1-9a-f.][1-9a-f.]",
    "AT": rf"(?= *\d+\.)[\d ]{{5}}\.\d{{6}}:",
    "ENTRY": rf"(?= *\S+-\d)[ \S]{{16}}-(?=\d+ *\[)[\d ]{{7}} \[\d{{3}}\] [d.][N.][hsHzZ.][1-9a-f.][1-9a-f.] (?= *\d+\.)[\d ]{{5}}\.\d{{6}}:",
    "HEX": r"0x[0-9a-f]+",
}


def commands():
    """Each command of the script with the shapes of its lines: a regular expression for all it may print."""
    command, shape = None, ""
    with open(os.path.join(ROOT, "tests/guest/howto.txt"), encoding="utf-8") as file:
        for line in file:
            kind, text = line[:2], line[2:].rstrip("\n")
            if kind == "$ ":
                if command:
                    yield command, shape
                command, shape = text, ""
            elif kind == "= ":
                shape += re.escape(text) + "\n"
            elif kind in ("~ ", "+ ", "* "):
                shape += f"(?:(?:{expand(text)})\\n){kind.strip(' ~')}"
            elif kind == "@ ":
                shape += "".join(re.sub(r"written:\\ .*", r"written: \\d+/\\d+   #P:1", re.escape(one)) + "\n"
                                 for one in header_like(text, 0, 0))
            elif line.strip() and not line.startswith("#"):
                raise ValueError(f"howto.txt: {line!r}")
    yield command, shape


def expand(text):
    return re.sub(r"\{([A-Z]+)\}", lambda found: SHAPES[found[1]], text)


def play(script):
    result = run("".join(f"{command}\necho '{MARK}'\n" for command, _ in script), append="test", timeout=120)
    printed = result.stdout.split(MARK + "\n")
    equal(len(printed), len(script) + 1, "the shell plays the script to its end", result.stdout[-500:],
          result.stderr[-1000:])
    for (command, shape), text in zip(script, printed):
        if not ok(re.fullmatch(shape, text), command, "printed:", text[:3000]):
            note("wanted:", file=sys.stderr)
            note(shape[:3000], file=sys.stderr)


commands_and_shapes = list(commands())
play(commands_and_shapes)
ok(len({command for command, _ in commands_and_shapes}) >= 60, f"{len(commands_and_shapes)} commands")
done()
