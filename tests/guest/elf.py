"""Reads the kernel's ELF file by itself, so that a test can hold what the kernel says against what was linked."""

import collections
import os
import re
import struct

from nestling import ROOT

Section = collections.namedtuple("Section", "name flags addr offset size link")
Segment = collections.namedtuple("Segment", "type flags vaddr paddr memsz")
Symbol = collections.namedtuple("Symbol", "name addr size section type")
Instruction = collections.namedtuple("Instruction", "offset addr text")

HIDDEN = (".kprobes.text", ".noinstr.text", ".entry.text")
STT_FUNC = 2


def string_at(table, offset):
    return table[offset:table.index(b"\0", offset)].decode()


class Elf:
    def __init__(self, path=None):
        self.path = path or os.environ.get("KERNEL") or os.path.join(ROOT, "build/nestling.elf")
        with open(self.path, "rb") as file:
            self.image = file.read()
        phoff, shoff = struct.unpack_from("<QQ", self.image, 32)
        phentsize, phnum, shentsize, shnum, shstrndx = struct.unpack_from("<5H", self.image, 54)
        self.segments = [self.segment(phoff + i * phentsize) for i in range(phnum)]
        raw = [struct.unpack_from("<IIQQQQI", self.image, shoff + i * shentsize) for i in range(shnum)]
        names = self.image[raw[shstrndx][4]:][:raw[shstrndx][5]]
        self.sections = [Section(string_at(names, r[0]), r[2], r[3], r[4], r[5], r[6]) for r in raw]
        self.symbols = self.read_symbols()
        self.by_name = {symbol.name: symbol for symbol in self.symbols}

    def segment(self, at):
        kind, flags, _, vaddr, paddr, _, memsz = struct.unpack_from("<IIQQQQQ", self.image, at)
        return Segment(kind, flags, vaddr, paddr, memsz)

    def section(self, name):
        return next(s for s in self.sections if s.name == name)

    def bytes_of(self, section):
        return self.image[section.offset:section.offset + section.size]

    def read_symbols(self):
        table = self.section(".symtab")
        names = self.bytes_of(self.sections[table.link])
        found = []
        for name, info, _, shndx, addr, size in struct.iter_unpack("<IBBHQQ", self.bytes_of(table)):
            section = self.sections[shndx].name if shndx < len(self.sections) else ""
            found.append(Symbol(string_at(names, name), addr, size, section, info & 15))
        return found

    def functions(self, *sections):
        """C functions of these sections; assembly doesn't type its labels."""
        return [s for s in self.symbols if s.type == STT_FUNC and s.section in sections]

    def words(self, start, stop):
        """The 64-bit words between two symbols."""
        start, stop = self.by_name[start].addr, self.by_name[stop].addr
        section = next(s for s in self.sections if s.addr <= start < s.addr + s.size)
        data = self.bytes_of(section)[start - section.addr:stop - section.addr]
        return [word for word, in struct.iter_unpack("<Q", data)]

    def disassembly(self):
        """{function: its instructions}, from the listing that each build leaves beside the ELF."""
        functions, body, start, size = {}, [], 0, 0
        with open(os.path.splitext(self.path)[0] + ".asm", encoding="ascii") as file:
            for line in file:
                if head := re.match(r"([0-9a-f]{16}) <(.+)>:$", line):
                    start, body = int(head[1], 16), []
                    size = self.by_name[head[2]].size if head[2] in self.by_name else 0
                    functions[head[2]] = body
                elif insn := re.match(r" *([0-9a-f]+):\t(.*)", line):
                    addr = int(insn[1], 16)
                    if not size or addr < start + size:  # behind it lies padding
                        body.append(Instruction(addr - start, addr, insn[2].strip()))
        return functions
