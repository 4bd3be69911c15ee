#!/usr/bin/python3
"""tools/mksymtab: which symbols it keeps, and that what it writes, once compiled, says so."""
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests"))
from tap import done, equal

NM_OUTPUT = """\
0000000000101000 T boot32
ffffffff80100000 T entry_start
ffffffff80100000 t ..@12.loop
ffffffff80100008 t entry_start.again
ffffffff80100040 0000000000000020 t helper
ffffffff80100080 0000000000000010 T main
ffffffff80100080 T alias_of_main
ffffffff80100090 0000000000000008 t helper
ffffffff801000a0 0000000000000012 t main.constprop.0
ffffffff801000c0 t .L5
ffffffff801000c0 0000000000000004 t .L6
ffffffff801000c0 0000000000000004 t $x
ffffffff801000d0 0000000000000004 W weak_one
ffffffff801000e0 T last_in_section
ffffffff801000f0 T __entry_text_end
ffffffff80100800 T last
ffffffff80200000 0000000000000008 R constant
ffffffff80300000 0000000000000008 D variable
ffffffff80300008 0000000000000004 b local
ffffffff8030000c 0000000000000004 b local.1
ffffffff80300010 B bss
ffffffff80400000 A absolute
"""

# What a lookup in the table must find: offset, size as the C side reports it, name.
EXPECTED = """\
0 40 entry_start
40 20 helper
80 10 main
80 10 alias_of_main
90 8 helper
a0 12 main.constprop.0
d0 4 weak_one
e0 10 last_in_section
800 1 last
data ffffffff80300000 8 variable
data ffffffff80300008 4 local
"""

# Prints the compiled table through the kernel's own lookup.
PRINTER = r"""
#include "lib/symtab.h"

int printf(const char *fmt, ...);

int main(void)
{
	struct symbol s;

	for (u32 i = 0; symtab_nth(&kernel_symtab, i, &s); i++)
		printf("%lx %lx %s\n", s.start - kernel_symtab.base, s.size, s.name);
	for (u32 i = 0; symtab_nth(&data_symtab, i, &s); i++)
		printf("data %lx %lx %s\n", s.start, s.size, s.name);
	return 0;
}
"""

def mksymtab(text):
    return subprocess.run(["tools/mksymtab"], input=text, capture_output=True, text=True)


def compiled(table, folder):
    """The table as the kernel would see it; also proves that the output compiles without a warning."""
    paths = [os.path.join(folder, name) for name in ("table.c", "printer.c")]
    for path, text in zip(paths, (table, PRINTER)):
        with open(path, "w") as f:
            f.write(text)
    program = os.path.join(folder, "printer")
    flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fno-pie", "-no-pie", "-I."]
    library = ["-include", "tests/host/rename.h", "lib/symtab.c", "lib/printf.c", "lib/string.c"]
    subprocess.run(["gcc", *flags, "-o", program, *paths, *library], check=True)
    return subprocess.run([program], check=True, capture_output=True, text=True).stdout


os.chdir(ROOT)
full, empty = mksymtab(NM_OUTPUT), mksymtab("")
with tempfile.TemporaryDirectory() as folder:
    equal(compiled(full.stdout, folder), EXPECTED, "functions and variables are kept, and nothing else")
    equal(compiled(empty.stdout, folder), "", "an empty input gives an empty table")
equal(mksymtab(NM_OUTPUT).stdout, full.stdout, "the same input gives the same output")
equal(full.stdout.count('"helper\\0"'), 1, "a name that repeats is stored once")
for table in (full, empty):
    definitions = [line for line in table.stdout.splitlines() if " const " in line]
    equal([d for d in definitions if " PLACE " not in d], [], "everything stands in .symtab_data")
equal(mksymtab("nonsense\n").returncode, 1, "what is no line of nm is refused")
done()
