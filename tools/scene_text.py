"""A scene of the tour as Markdown: what it says as text, what it types and is answered as blocks."""

import re

# What is another with each build, or comes when it comes: interrupts, faults of processes, the black box's tail, who is hidden, who calls.
DROPPED = re.compile(r"^ *\d+ (?:\| )*(?:\\|/) (?:vec\d+|irq\d+|#PF) .*\n|^ +\d+ +\d+ +\d+ (?:enter|leave|resume) .*\n"
                     r"|^0x[0-9a-f]+-0x[0-9a-f]+\t.*\n|^  [\w.]+\+0x[0-9a-f]+/0x[0-9a-f]+\n", re.M)
MASKS = [(r"\b[0-9a-f]{16}\b", "ADDRESS"), (r"(?m)  (?:same|has idled|processes run)$", "  same"),
         (r"(?m)^(  (?:watching counter|free frames) +)\w+ +\w+", r"\1N N"),
         (r"hit at asm_\w+\S*$", "hit at asm_")]


# kprobes/list is in the order of a hash of addresses.
LISTED = re.compile(r"(?:^[0-9a-f]{16}  [kr]  .*\n)+", re.M)


def mask(text):
    text = LISTED.sub(lambda lines: "".join(sorted(lines[0].splitlines(True), key=lambda line: line[16:])), DROPPED.sub("", text))
    for pattern, name in MASKS:
        text = re.sub(pattern, name, text)
    return text


def pieces(script, played):
    """[(command or None, lines)]: text as it stands, and commands with their answers."""
    said, at = script.splitlines(), 0
    lines = played.splitlines()
    done = []
    for i, item in enumerate(said):
        if not re.match(r"#!? ", item):
            if lines[at:at + 1] != [item]:
                raise ValueError(f"not what the scene says: {lines[at:at + 1]} for {item!r}")
            if not done or done[-1][0] is not None:
                done.append((None, []))
            done[-1][1].append(item)
            at += 1
            continue
        shown = re.sub("^#! ", "# ", item)
        if lines[at:at + 1] != [shown]:
            raise ValueError(f"not what the scene types: {lines[at:at + 1]} for {shown!r}")
        end = next((n for n, line in enumerate(said[i + 1:], i + 1) if re.match(r"#!? ", line)), len(said))
        follows = said[i + 1:end] or [re.sub("^#! ", "# ", line) for line in said[i + 1:i + 2]]
        stop = at + 1
        while lines[stop:stop + len(follows)] != follows and stop < len(lines):
            stop += 1
        if not follows:
            stop = len(lines)
        done.append((shown, lines[at + 1:stop]))
        at = stop
    return done


def markdown(script, played):
    heading, body = re.fullmatch(r"\n=== (Scene \d+: .*) ===\n\n(.*)", played, re.S).groups()
    out, block = [f"## {heading}", ""], False
    for command, lines in pieces(script, body):
        if (command is not None) != block:
            out.append("```text" if command else "```")
            block = command is not None
        out += lines if command is None else [command, *lines]
    return "\n".join(out + ["```"] * block) + "\n"
