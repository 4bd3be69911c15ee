/*
 * What instructions are called: a template for each opcode a kernel is made of. format.c fills them in.
 *
 * A name, then the operands in AT&T's order. In a template stand for
 *   A|B|C   one of these, by modrm's reg field      <a/b/c>  one of these, by the operand's size: 2, 4, 8 bytes
 *   :A =A   A, only with an operand in memory, only with a register
 *   # ~ &   the arithmetic's name by the opcode's bits 3-5, by reg; the shift's by reg
 *   @       the condition                           ?  e with a 67 prefix, r without
 *   .b .v   the size's letter if the operand is in memory;  ^v  always
 * and for operands a capital and, but for J O S C D R, a size (b w d q; v: by prefixes; s: q, or w with 66):
 *   E G     modrm's rm, and its register            R  rm as a 64-bit register, whatever mod says
 *   Z A     the register in the opcode, rax's       I  the immediate, cut to that size
 *   J O     a branch's target, an absolute address  S C D  segment, control, debug register
 *   X       enter's second immediate
 * All else is printed as it is.
 */
#include "arch/x86/insn/internal.h"
#include "lib/compiler.h"

#define F3 0x1000 /* with that prefix */

struct row {
	u16 opcode;  /* map << 8 | opcode */
	u16 various; /* the bits of it that don't matter */
	const char *text;
};

/* clang-format off */
static const struct row rows[] = {
	{ 0x000, 0x38, "# Gb,Eb" }, { 0x001, 0x38, "# Gv,Ev" }, { 0x002, 0x38, "# Eb,Gb" }, { 0x003, 0x38, "# Ev,Gv" },
	{ 0x004, 0x38, "# Ib,Ab" }, { 0x005, 0x38, "# Iv,Av" },
	{ 0x050, 7, "push Zs" }, { 0x058, 7, "pop Zs" }, { 0x063, 0, "movslq Ed,Gv" },
	{ 0x068, 2, "push Iq" }, { 0x069, 2, "imul Iv,Ev,Gv" },
	{ 0x06c, 0, "insb (%dx),%es:(%rdi)" }, { 0x06d, 0, "ins^v (%dx),%es:(%rdi)" },
	{ 0x06e, 0, "outsb %ds:(%rsi),(%dx)" }, { 0x06f, 0, "outs^v %ds:(%rsi),(%dx)" },
	{ 0x070, 15, "j@ J" }, { 0x080, 0, "~.b Ib,Eb" }, { 0x081, 2, "~.v Iv,Ev" },
	{ 0x084, 0, "test Gb,Eb" }, { 0x085, 0, "test Gv,Ev" }, { 0x086, 0, "xchg Gb,Eb" }, { 0x087, 0, "xchg Gv,Ev" },
	{ 0x088, 0, "mov Gb,Eb" }, { 0x089, 0, "mov Gv,Ev" }, { 0x08a, 0, "mov Eb,Gb" }, { 0x08b, 0, "mov Ev,Gv" },
	{ 0x08c, 0, "mov S,Ev" }, { 0x08d, 0, "lea Ev,Gv" }, { 0x08e, 0, "mov Ed,S" }, { 0x08f, 0, "pop Es" },
	{ F3 | 0x090, 0, "pause" }, { 0x090, 7, "xchg Zv,Av" },
	{ 0x098, 0, "<cbtw/cwtl/cltq>" }, { 0x099, 0, "<cwtd/cltd/cqto>" }, { 0x09b, 0, "fwait" },
	{ 0x09c, 0, "<pushfw/pushf/pushf>" }, { 0x09d, 0, "<popfw/popf/popf>" }, { 0x09e, 0, "sahf" }, { 0x09f, 0, "lahf" },
	{ 0x0a0, 0, "movabs O,Ab" }, { 0x0a1, 0, "movabs O,Av" }, { 0x0a2, 0, "movabs Ab,O" }, { 0x0a3, 0, "movabs Av,O" },
	{ 0x0a4, 0, "movsb %ds:(%rsi),%es:(%rdi)" }, { 0x0a5, 0, "movs^v %ds:(%rsi),%es:(%rdi)" },
	{ 0x0a6, 0, "cmpsb %es:(%rdi),%ds:(%rsi)" }, { 0x0a7, 0, "cmps^v %es:(%rdi),%ds:(%rsi)" },
	{ 0x0a8, 0, "test Ib,Ab" }, { 0x0a9, 0, "test Iv,Av" },
	{ 0x0aa, 0, "stos Ab,%es:(%rdi)" }, { 0x0ab, 0, "stos Av,%es:(%rdi)" }, { 0x0ac, 0, "lods %ds:(%rsi),Ab" },
	{ 0x0ad, 0, "lods %ds:(%rsi),Av" }, { 0x0ae, 0, "scas %es:(%rdi),Ab" }, { 0x0af, 0, "scas %es:(%rdi),Av" },
	{ 0x0b0, 7, "mov Ib,Zb" }, { 0x0b8, 7, "<mov/mov/movabs> Iv,Zv" },
	{ 0x0c0, 0, "&.b Ib,Eb" }, { 0x0c1, 0, "&.v Ib,Ev" }, { 0x0c2, 0, "ret Iw" }, { 0x0c3, 0, "ret" },
	{ 0x0c6, 0, "mov.b Ib,Eb" }, { 0x0c7, 0, "mov.v Iv,Ev" }, { 0x0c8, 0, "enter Iw,X" }, { 0x0c9, 0, "leave" },
	{ 0x0ca, 0, "<lretw/lret/lretq> Iw" }, { 0x0cb, 0, "<lretw/lret/lretq>" },
	{ 0x0cc, 0, "int3" }, { 0x0cd, 0, "int Ib" }, { 0x0cf, 0, "<iretw/iret/iretq>" },
	{ 0x0d0, 0, "&.b Eb" }, { 0x0d1, 0, "&.v Ev" }, { 0x0d2, 0, "&.b %cl,Eb" }, { 0x0d3, 0, "&.v %cl,Ev" },
	{ 0x0d7, 0, "xlat %ds:(%rbx)" },
	{ 0x0e0, 0, "loopne J" }, { 0x0e1, 0, "loope J" }, { 0x0e2, 0, "loop J" }, { 0x0e3, 0, "j?cxz J" },
	{ 0x0e4, 0, "in Ib,Ab" }, { 0x0e5, 0, "in Ib,Av" }, { 0x0e6, 0, "out Ab,Ib" }, { 0x0e7, 0, "out Av,Ib" },
	{ 0x0e8, 0, "call J" }, { 0x0e9, 2, "jmp J" },
	{ 0x0ec, 0, "in (%dx),Ab" }, { 0x0ed, 0, "in (%dx),Av" }, { 0x0ee, 0, "out Ab,(%dx)" }, { 0x0ef, 0, "out Av,(%dx)" },
	{ 0x0f1, 0, "int1" }, { 0x0f4, 0, "hlt" }, { 0x0f5, 0, "cmc" },
	{ 0x0f6, 0, "test.b Ib,Eb|test.b Ib,Eb|not.b Eb|neg.b Eb|mul.b Eb|imul.b Eb|div.b Eb|idiv.b Eb" },
	{ 0x0f7, 0, "test.v Iv,Ev|test.v Iv,Ev|not.v Ev|neg.v Ev|mul.v Ev|imul.v Ev|div.v Ev|idiv.v Ev" },
	{ 0x0f8, 0, "clc" }, { 0x0f9, 0, "stc" }, { 0x0fa, 0, "cli" }, { 0x0fb, 0, "sti" }, { 0x0fc, 0, "cld" }, { 0x0fd, 0, "std" },
	{ 0x0fe, 0, "inc.b Eb|dec.b Eb" },
	{ 0x0ff, 0, "inc.v Ev|dec.v Ev|call *Eq|lcall *Ev|jmp *Eq|ljmp *Ev|push Es" },

	{ 0x100, 0, "sldt Ev|str Ev|lldt Ew|ltr Ew|verr Ew|verw Ew" },
	{ 0x101, 0, ":sgdt Ev|:sidt Ev|:lgdt Ev|:lidt Ev|smsw Ev||lmsw Ew|:invlpg Ev" },
	{ 0x105, 0, "syscall" }, { 0x106, 0, "clts" }, { 0x107, 0, "<sysretl/sysretl/sysretq>" }, { 0x108, 0, "invd" },
	{ 0x109, 0, "wbinvd" }, { 0x10b, 0, "ud2" }, { 0x10d, 0, "prefetch Ev|prefetchw Ev" },
	{ 0x118, 0, "prefetchnta Ev|prefetcht0 Ev|prefetcht1 Ev|prefetcht2 Ev" }, { 0x11e, 1, "nop.v Ev" },
	{ 0x120, 0, "mov C,R" }, { 0x121, 0, "mov D,R" }, { 0x122, 0, "mov R,C" }, { 0x123, 0, "mov R,D" },
	{ 0x130, 0, "wrmsr" }, { 0x131, 0, "rdtsc" }, { 0x132, 0, "rdmsr" }, { 0x133, 0, "rdpmc" }, { 0x134, 0, "sysenter" },
	{ 0x140, 15, "cmov@ Ev,Gv" }, { 0x180, 15, "j@ J" }, { 0x190, 15, "set@ Eb" },
	{ 0x1a0, 0, "push %fs" }, { 0x1a1, 0, "pop %fs" }, { 0x1a8, 0, "push %gs" }, { 0x1a9, 0, "pop %gs" },
	{ 0x1a2, 0, "cpuid" }, { 0x1a3, 0, "bt Gv,Ev" }, { 0x1ab, 0, "bts Gv,Ev" }, { 0x1b3, 0, "btr Gv,Ev" }, { 0x1bb, 0, "btc Gv,Ev" },
	{ 0x1a4, 0, "shld Ib,Gv,Ev" }, { 0x1a5, 0, "shld %cl,Gv,Ev" }, { 0x1ac, 0, "shrd Ib,Gv,Ev" }, { 0x1ad, 0, "shrd %cl,Gv,Ev" },
	{ F3 | 0x1ae, 0, "=rdfsbase Ev|=rdgsbase Ev|=wrfsbase Ev|=wrgsbase Ev" },
	{ 0x1ae, 0, ":<fxsave/fxsave/fxsave64> Ev|:<fxrstor/fxrstor/fxrstor64> Ev|:ldmxcsr Ev|:stmxcsr Ev|"
		    ":<xsave/xsave/xsave64> Ev|:<xrstor/xrstor/xrstor64> Ev|:<xsaveopt/xsaveopt/xsaveopt64> Ev|:clflush Ev" },
	{ 0x1af, 0, "imul Ev,Gv" }, { 0x1b0, 0, "cmpxchg Gb,Eb" }, { 0x1b1, 0, "cmpxchg Gv,Ev" },
	{ 0x1b6, 0, "movzb^v Eb,Gv" }, { 0x1b7, 0, "movzw^v Ew,Gv" }, { 0x1be, 0, "movsb^v Eb,Gv" }, { 0x1bf, 0, "movsw^v Ew,Gv" },
	{ F3 | 0x1b8, 0, "popcnt Ev,Gv" }, { F3 | 0x1bc, 0, "tzcnt Ev,Gv" }, { F3 | 0x1bd, 0, "lzcnt Ev,Gv" },
	{ 0x1b9, 0, "ud1 Ev,Gv" }, { 0x1ba, 0, "||||bt.v Ib,Ev|bts.v Ib,Ev|btr.v Ib,Ev|btc.v Ib,Ev" },
	{ 0x1bc, 0, "bsf Ev,Gv" }, { 0x1bd, 0, "bsr Ev,Gv" }, { 0x1c0, 0, "xadd Gb,Eb" }, { 0x1c1, 0, "xadd Gv,Ev" },
	{ 0x1c3, 0, "movnti Gv,Ev" }, { 0x1c7, 0, "|:<cmpxchg8b/cmpxchg8b/cmpxchg16b> Ev|||||=rdrand Ev|=rdseed Ev" },
	{ 0x1c8, 7, "bswap Zv" }, { 0x1ff, 0, "ud0 Ev,Gv" }, { 0x2f0, 0, "movbe Ev,Gv" }, { 0x2f1, 0, "movbe Gv,Ev" },
};

/* Where a register in modrm makes another instruction. */
static const struct {
	u16 opcode;
	u8 modrm;
	const char *text;
} exact[] = {
	{ F3 | 0x11e, 0xfa, "endbr64" },
	{ 0x101, 0xc1, "vmcall" }, { 0x101, 0xc8, "monitor %rax,%ecx,%edx" }, { 0x101, 0xc9, "mwait %eax,%ecx" },
	{ 0x101, 0xca, "clac" }, { 0x101, 0xcb, "stac" }, { 0x101, 0xd0, "xgetbv" }, { 0x101, 0xd1, "xsetbv" },
	{ 0x101, 0xd9, "vmmcall" }, { 0x101, 0xf8, "swapgs" }, { 0x101, 0xf9, "rdtscp" },
	{ 0x1ae, 0xe8, "lfence" }, { 0x1ae, 0xf0, "mfence" }, { 0x1ae, 0xf8, "sfence" },
};
/* clang-format on */

const char *insn_template(const struct insn *insn, bool f3, bool *f3_used)
{
	unsigned opcode = insn->map << 8 | insn->opcode;

	*f3_used = false;
	if (insn->vex)
		return NULL;
	if (opcode == 0x90 && !insn->rep && !insn->operand16 && !(insn->rex & 1))
		return "nop";
	for (unsigned want = f3 ? opcode | F3 : opcode;; want = opcode) {
		*f3_used = want != opcode;
		for (size_t i = 0; insn->has_modrm && i < ARRAY_SIZE(exact); i++)
			if (exact[i].opcode == want && exact[i].modrm == insn->modrm)
				return exact[i].text;
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			if ((want & ~(unsigned)rows[i].various) == rows[i].opcode)
				return rows[i].text;
		if (want == opcode)
			return NULL;
	}
}
