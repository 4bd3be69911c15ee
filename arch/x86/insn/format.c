/* An instruction as text, AT&T's way, as objdump and gdb print it: fills in the templates of names.c. */
#include "arch/x86/insn/internal.h"
#include "lib/compiler.h"
#include "lib/seq.h"
#include "lib/string.h"

#define REX_X	  0x02
#define REX_B	  0x01
#define THREEDNOW 0x10f /* what it is stands behind its operands */

struct text {
	struct seq_buf out;
	const struct insn *insn;
	const u8 *bytes;
	u64 next; /* ip behind it */
	const char *
		segment; /* "%gs:" or "%fs:", of an operand in memory; the others mean nothing in 64-bit mode */
	bool has_memory;
};

#define PUT(t, ...) seq_printf(&(t)->out.seq, __VA_ARGS__)

/* Of a size letter: 0 a byte ... 3 eight. */
static unsigned log_size(const struct text *t, char letter)
{
	if (letter == 'v')
		return t->insn->rex & REX_W ? 3 : t->insn->operand16 ? 1 : 2;
	if (letter == 's')
		return t->insn->operand16 ? 1 : 3;
	return letter == 'b' ? 0 : letter == 'w' ? 1 : letter == 'd' ? 2 : 3;
}

static void put_register(struct text *t, unsigned n, unsigned size)
{
	static const char *const bytes[] = { "al", "cl", "dl", "bl", "ah", "ch", "dh", "bh" };
	static const char *const names[] = { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di" };
	static const char *const before[] = { "", "", "e", "r" }, *const behind[] = { "b", "w", "d", "" };

	if (n >= 8)
		PUT(t, "%%r%u%s", n, behind[size]);
	else if (size == 0 && t->insn->rex && n >= 4)
		PUT(t, "%%%sl", names[n]);
	else if (size == 0)
		PUT(t, "%%%s", bytes[n]);
	else
		PUT(t, "%%%s%s", before[size], names[n]);
}

/* A register number's fourth bit. */
static unsigned extend(const struct text *t, u8 bit) { return t->insn->rex & bit ? 8 : 0; }

static void put_memory(struct text *t)
{
	const struct insn *i = t->insn;
	unsigned rm = modrm_rm(i), address = i->address32 ? 2 : 3;
	u8 sib = t->bytes[(i->disp_size	 ? i->disp_offset
			   : i->imm_size ? i->imm_offset
					 : i->length) -
			  1]; /* if any */
	unsigned base = (rm == 4 ? sib & 7 : rm) | extend(t, REX_B),
		 index = (sib >> 3 & 7) | extend(t, REX_X);
	bool has_base = modrm_mod(i) != 0 || (base & 7) != 5, has_index = rm == 4 && index != 4;

	PUT(t, "%s", t->segment);
	if (!has_base && !has_index && !i->rip_relative) {
		PUT(t, "0x%lx", i->address32 ? (u32)i->disp : (u64)i->disp);
		return;
	}
	if (i->disp_size)
		PUT(t, "%s0x%lx", i->disp < 0 ? "-" : "", i->disp < 0 ? -(u64)i->disp : (u64)i->disp);
	PUT(t, "(");
	if (i->rip_relative)
		PUT(t, i->address32 ? "%%eip" : "%%rip");
	else if (has_base)
		put_register(t, base, address);
	if (has_index) {
		PUT(t, ",");
		put_register(t, index, address);
		PUT(t, ",%u", 1u << (sib >> 6));
	}
	PUT(t, ")");
}

/* An operand without a size letter: false when there is none of that name. */
static bool put_sizeless(struct text *t, char what)
{
	static const char *const segments[] = { "es", "cs", "ss", "ds", "fs", "gs", "?", "?" };
	const struct insn *i = t->insn;

	switch (what) {
	case 'J':
		PUT(t, "0x%lx", t->next + (u64)i->imm);
		return true;
	case 'O':
		PUT(t, "%s0x%lx", t->segment, i->address32 ? (u32)i->imm : (u64)i->imm);
		return true;
	case 'S':
		PUT(t, "%%%s", segments[modrm_reg(i)]);
		return true;
	case 'C':
	case 'D':
		PUT(t, "%%%s%u", what == 'C' ? "cr" : "db", modrm_reg(i) | extend(t, REX_R));
		return true;
	case 'R':
		put_register(t, modrm_rm(i) | extend(t, REX_B), 3);
		return true;
	case 'X':
		PUT(t, "$0x%x", t->bytes[i->imm_offset + 2]);
		return true;
	default:
		return false;
	}
}

static void put_sized(struct text *t, char what, unsigned size)
{
	const struct insn *i = t->insn;

	if (what == 'E' && modrm_mod(i) != 3)
		put_memory(t);
	else if (what == 'E')
		put_register(t, modrm_rm(i) | extend(t, REX_B), size);
	else if (what == 'G')
		put_register(t, modrm_reg(i) | extend(t, REX_R), size);
	else if (what == 'Z')
		put_register(t, (i->opcode & 7) | extend(t, REX_B), size);
	else if (what == 'A')
		put_register(t, 0, size);
	else
		PUT(t, "$0x%lx", (u64)i->imm & ~0ul >> (64 - (8u << size)));
}

/* <a/b/c>: prints the one for this size, and returns what is behind the >. */
static const char *put_choice(struct text *t, const char *list)
{
	for (unsigned skip = log_size(t, 'v') - 1; skip; skip--)
		list = strchr(list, '/') + 1;
	while (*list != '/' && *list != '>')
		seq_putc(&t->out.seq, *list++);
	return strchr(list, '>') + 1;
}

/* Fills in one alternative of a template. */
static void put_template(struct text *t, const char *p)
{
	static const char *const alu[] = { "add", "or", "adc", "sbb", "and", "sub", "xor", "cmp" };
	static const char *const shifts[] = { "rol", "ror", "rcl", "rcr", "shl", "shr", "shl", "sar" };
	static const char *const conditions[] = { "o", "no", "b", "ae", "e", "ne", "be", "a",
						  "s", "ns", "p", "np", "l", "ge", "le", "g" };
	const struct insn *i = t->insn;

	while (*p && *p != '|') {
		char c = *p++;

		if (c == '#')
			PUT(t, "%s", alu[i->opcode >> 3 & 7]);
		else if (c == '~')
			PUT(t, "%s", alu[modrm_reg(i)]);
		else if (c == '&')
			PUT(t, "%s", shifts[modrm_reg(i)]);
		else if (c == '@')
			PUT(t, "%s", conditions[i->opcode & 15]);
		else if (c == '?')
			PUT(t, "%c", i->address32 ? 'e' : 'r');
		else if (c == '<')
			p = put_choice(t, p);
		else if (c == '.' && modrm_mod(i) == 3)
			p++;
		else if (c == '^' || c == '.')
			PUT(t, "%c", "bwlq"[log_size(t, *p++)]);
		else if (c < 'A' || c > 'Z')
			seq_putc(&t->out.seq, c);
		else if (!put_sizeless(t, c))
			put_sized(t, c, log_size(t, *p++));
	}
}

/* The template's alternative for this instruction, or NULL. */
static const char *choose(const char *p, const struct insn *insn)
{
	if (p && strchr(p, '|'))
		for (u8 n = modrm_reg(insn); n && p; n--)
			p = (p = strchr(p, '|')) ? p + 1 : NULL;
	if (!p || !*p || *p == '|')
		return NULL;
	if (*p == ':' || *p == '=')
		return (*p == '=') == (modrm_mod(insn) == 3) ? p + 1 : NULL;
	return p;
}

/* Does its text depend on the 66 prefix? */
static bool has_size(const char *p)
{
	for (char last = 0; p && *p && *p != '|'; last = *p++)
		if (*p == '<' || ((*p == 'v' || *p == 's') &&
				  (last == '.' || last == '^' || (last >= 'A' && last <= 'Z'))))
			return true;
	return false;
}

/* A prefix as a word, if neither the name nor an operand tells of it. @last: of those alike only one counts. */
static const char *prefix_word(const struct text *t, u8 byte, bool last, const char *template, bool f3_used)
{
	const struct insn *i = t->insn;
	bool string = i->map == 0 &&
		      ((i->opcode & ~3) == 0x6c || (i->opcode & ~3) == 0xa4 || (i->opcode & ~7) == 0xa8);

	switch (byte) {
	case 0xf0:
		return "lock";
	case 0xf2:
		return "repnz";
	case 0xf3:
		return f3_used && last ? NULL : string && (i->opcode & 6) != 6 ? "rep" : "repz";
	case 0x66:
		return has_size(template) && last ? NULL : "data16";
	case 0x67:
		return t->has_memory || (i->map == 0 && i->opcode == 0xe3) ? NULL : "addr32";
	case 0x64:
		return t->has_memory ? NULL : "fs";
	case 0x65:
		return t->has_memory ? NULL : "gs";
	case 0x3e:
		return i->class == INSN_CALL_IND || i->class == INSN_JMP_IND ? "notrack" : "ds";
	default:
		return byte == 0x2e ? "cs" : byte == 0x36 ? "ss" : byte == 0x26 ? "es" : NULL;
	}
}

/* It has no name here: its place in the opcode maps, and its operand in memory. Of registers it isn't known which kind. */
static void put_nameless(struct text *t)
{
	static const char *const maps[] = { "one-byte", "0f", "0f38", "0f3a" };
	const struct insn *i = t->insn;

	if (i->vex)
		PUT(t, "(vector map %u, opcode %02x)", i->map, i->opcode);
	else
		PUT(t, "(map %s, opcode %02x)", maps[i->map], i->opcode);
	if (t->has_memory && !i->vex && i->map * 256 + i->opcode != THREEDNOW)
		put_template(t, i->imm_size ? " Ib,Ev" : " Ev");
}

void insn_format(char *buf, size_t size, const struct insn *insn, u64 ip, const u8 *bytes)
{
	struct text t = { .insn = insn, .bytes = bytes, .next = ip + insn->length, .segment = "" };
	bool f3 = memchr(bytes, 0xf3, insn->prefix_bytes), f3_used;
	const char *template = choose(insn_template(insn, f3, &f3_used), insn);

	seq_buf_init(&t.out, buf, size);
	t.has_memory =
		(insn->has_modrm && modrm_mod(insn) != 3) || (insn->map == 0 && (insn->opcode & ~3) == 0xa0);
	for (size_t n = 0; n < insn->prefix_bytes; n++) {
		bool last = !memchr(bytes + n + 1, bytes[n], insn->prefix_bytes - n - 1);
		const char *word = prefix_word(&t, bytes[n], last, template, f3_used);

		if (word)
			PUT(&t, "%s ", word);
		if (t.has_memory && (bytes[n] == 0x64 || bytes[n] == 0x65))
			t.segment = bytes[n] == 0x64 ? "%fs:" : "%gs:";
	}
	if (template)
		put_template(&t, template);
	else
		put_nameless(&t);
	if (insn->rip_relative)
		PUT(&t, "        # 0x%lx", t.next + (u64)insn->disp);
}
