/* Arguments of probe events fetched from a context made up here: each kind, each type, and from places that can't be read. */
#include "arch/x86/cpu/features.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/stacks.h"
#include "arch/x86/mm/text_poke.h"
#include "arch/x86/mm/wx.h"
#include "kprobe/fetch.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "sched/thread.h"
#include "tests/kernel/user_page.h"

static struct {
	u8 bytes[8];
	const char *text;
	u64 word;
	const char *texts[2];
} data = { { 1, 2, 3, 0x84, 5, 6, 7, 0x88 }, "some text", 0x1122334455667788, { "one", "two" } };

static u64 stack[8] = { 0x100, 0x101, 0x102 };
static struct pt_regs regs;
static struct probe_arg arg;
static u8 record[PROBE_RECORD_MAX];

/* @expression stored at byte 8; where strings end afterwards, that begin at 64. */
static u32 fetch(const char *expression, unsigned place)
{
	const char *why = "";
	struct probe_text t = { expression, 0, &why, NULL };

	memset(&arg, 0, sizeof(arg));
	memset(record, 0xee, sizeof(record));
	if (fetch_parse(&t, strlen(expression), &arg, place)) {
		ktest_fail(why, (int)t.at, expression, t.at, 0);
		return 0;
	}
	arg.offset = 8;
	return fetch_store(&arg, &regs, record, 64);
}

/* What is stored, as a number of @size bytes; and nothing beside it. */
static u64 number(const char *expression, size_t size)
{
	u64 v = 0;

	EXPECT_EQ(fetch(expression, FETCH_ENTRY), 64);
	EXPECT_EQ(arg.size, size);
	memcpy(&v, record + 8, size);
	EXPECT_EQ(record[7], 0xee);
	EXPECT_EQ(record[8 + size], 0xee);
	EXPECT_EQ(record[64], 0xee);
	return v;
}

static void string_is(const char *expression, const char *want)
{
	u32 end = fetch(expression, FETCH_ENTRY), place;

	memcpy(&place, record + 8, sizeof(place));
	EXPECT_EQ(place & 0xffff, 64);
	EXPECT_EQ(end, 64 + (place >> 16));
	EXPECT_EQ(place >> 16, want ? strlen(want) + 1 : 0);
	if (want && strcmp((char *)record + 64, want) != 0)
		ktest_fail(expression, 0, (char *)record + 64, 0, 0);
	EXPECT_EQ(record[12], 0xee);
}

static void set_up(void)
{
	memset(&regs, 0, sizeof(regs));
	regs.di = (u64)&data;
	regs.si = 0xfffffffffffffff6;
	regs.r9 = 9;
	regs.ax = 0xdeadbeefcafe;
	regs.sp = (u64)stack;
}

KTEST(fetch, registers_and_the_stack)
{
	set_up();
	EXPECT_EQ(number("%ax", 8), 0xdeadbeefcafe);
	EXPECT_EQ(number("%rax:x16", 2), 0xcafe);
	EXPECT_EQ(number("%si:s32", 4), 0xfffffff6);
	EXPECT_EQ(number("%orig_ax", 8), ~0ul);
	EXPECT_EQ(number("$stack", 8), (u64)stack);
	EXPECT_EQ(number("$stack0", 8), 0x100);
	EXPECT_EQ(number("$stack2:u8", 1), 2);
	EXPECT_EQ(number("$arg1", 8), (u64)&data);
	EXPECT_EQ(number("$arg6", 8), 9);
	EXPECT_EQ(number("$arg7", 8), 0x101); /* above the return address */
	EXPECT_EQ(number("\\-2:s64", 8), -2ul);
	EXPECT_EQ(fetch("$retval", FETCH_RETURN), 64);
	EXPECT_EQ(memcmp(record + 8, &regs.ax, 8), 0);
}

KTEST(fetch, memory)
{
	set_up();
	EXPECT_EQ(number("+3(%di):u8", 1), 0x84);
	EXPECT_EQ(number("+0(%di):u16", 2), 0x0201);
	EXPECT_EQ(number("+0(%di):x32", 4), 0x84030201);
	EXPECT_EQ(number("+0(%di)", 8), 0x8807060584030201);
	regs.cx = (u64)&data + 8;
	EXPECT_EQ(number("-4(%cx):u8", 1), 5);
	EXPECT_EQ(number("+1(+8(%di)):u8", 1), 'o');
	EXPECT_EQ(number("+3(%di):b3@2/8", 1), 1); /* 0b10000100 */
	EXPECT_EQ(number("+3(%di):b1@7/8", 1), 1);
	EXPECT_EQ(number("+0(%di):b12@20/32", 4), 0x840);
	EXPECT_EQ(number("+16(%di):b64@0/64", 8), data.word);
	EXPECT_EQ(number("%ax:b8@8/16", 2), 0xca);
	EXPECT_EQ(fetch("+4(%di):b1@2/8[3]", 0), 64);
	EXPECT_EQ(memcmp(record + 8, (u8[]){ 1, 1, 1 }, 3), 0);
	EXPECT_EQ(fetch("+3(%di):b1@0/8[3]", 0), 64);
	EXPECT_EQ(memcmp(record + 8, (u8[]){ 0, 1, 0 }, 3), 0);
	EXPECT_EQ(fetch("+1(%di):x16[3]", 0), 64);
	EXPECT_EQ(arg.size, 6);
	EXPECT_EQ(memcmp(record + 8, data.bytes + 1, 6), 0);
	EXPECT_EQ(record[14], 0xee);
}

KTEST(fetch, strings)
{
	char *name = current()->comm;
	u32 places[2];

	set_up();
	string_is("+0(+8(%di)):string", "some text");
	string_is("+5(+8(%di)):string", "text");
	string_is("$comm", name);
	string_is("\\\"here\"", "here");
	string_is("\\\"\"", "");
	EXPECT_EQ(fetch("+24(%di):string[2]", 0), 64 + 8);
	memcpy(places, record + 8, sizeof(places));
	EXPECT_EQ(places[0], 4 << 16 | 64);
	EXPECT_EQ(places[1], 4 << 16 | 68);
	EXPECT_EQ(memcmp(record + 64, "one\0two", 8), 0);
}

/* What there is no room for is left out, and the rest is still a string. */
KTEST(fetch, long_strings)
{
	u64 pa = frame_alloc();
	char *page = phys_to_virt(pa);
	u32 end, place;

	set_up();
	memset(page, 'x', PAGE_SIZE);
	regs.di = (u64)page;
	EXPECT_EQ(fetch("+0(%di):string", 0), 64 + FETCH_STRING_MAX);
	EXPECT_EQ(strnlen((char *)record + 64, 999), FETCH_STRING_MAX - 1);
	for (u32 room = 0; room < 3; room++) {
		memset(record, 0xee, sizeof(record));
		end = fetch_store(&arg, &regs, record, PROBE_RECORD_MAX - room);
		memcpy(&place, record + 8, sizeof(place));
		EXPECT_EQ(end, PROBE_RECORD_MAX);
		EXPECT_EQ(place >> 16, room);
		if (room)
			EXPECT_EQ(record[PROBE_RECORD_MAX - 1], 0);
	}
	frames_free(pa, 1);
}

KTEST(fetch, places_that_cannot_be_read)
{
	const u64 places[] = { 0,
			       0x7000,
			       0x0000900000000000, /* not canonical */
			       0x8000000000000000,
			       0xffff7fffffffffff,
			       kstacks[STACK_TASK].guard,
			       kstacks[STACK_DF].guard,
			       kstacks[STACK_TASK].guard + PAGE_SIZE - 1,
			       APIC_VA, /* readable, but reading does something */
			       APIC_VA + 0x20,
			       APIC_VA + PAGE_SIZE - 1,
			       APIC_VA - 1,
			       ~0ul,
			       ~0ul - 6 };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		set_up();
		regs.di = places[i];
		EXPECT_EQ(number("+0(%di)", 8), 0);
		EXPECT_EQ(number("+0(+0(%di))", 8), 0);
		EXPECT_EQ(number("+u0(%di)", 8), 0);
		EXPECT_EQ(fetch("+0(%di):x64[2]", 0), 64);
		EXPECT_EQ(memcmp(record + 8, (u64[]){ 0 }, 8), 0);
		EXPECT_EQ(number("+0(%di):x32", 4), 0);
		string_is("+0(%di):string", NULL);
		string_is("+0(%di):ustring", NULL);
		regs.sp = places[i];
		EXPECT_EQ(number("$stack0", 8), 0);
	}
}

/* What runs into a page that isn't there. */
KTEST(fetch, a_fault_in_the_middle)
{
	const u64 page = SLOT_AREA + 0x3000000; /* beyond all slots */
	u64 pa = frame_alloc();

	set_up();
	EXPECT_EQ(map_pages(page, pa, 1, PAGE_RW), 0);
	regs.di = page + PAGE_SIZE - 4;
	memcpy((void *)regs.di, "end", 4);
	string_is("+0(%di):string", "end");
	EXPECT_EQ(number("+0(%di):x32", 4), 0x646e65);
	EXPECT_EQ(number("+0(%di)", 8), 0);
	EXPECT_EQ(number("+1(%di):x32", 4), 0);
	memcpy((void *)regs.di, "ende", 4);
	string_is("+0(%di):string", NULL);
	fetch("+0(%di):u8[6]", 0); /* an array as far as it can be read */
	EXPECT_EQ(memcmp(record + 8, "ende\0", 6), 0);
	unmap_pages(page, 1);
	frames_free(pa, 1);
}

static u64 text_seen, alias_seen;

static void look_in_poke(void *text, u64 alias)
{
	if (text != set_up)
		return; /* another's */
	regs.di = (u64)text;
	text_seen = number("+0(%di):x8", 1);
	regs.di = alias;
	alias_seen = number("+0(%di):x8", 1) | number("+u0(%di):x8", 1);
}

/* Who comes in the middle of a poke has its tables: what a user's address leads to there is no user's. */
KTEST(fetch, in_the_middle_of_a_poke)
{
	u8 *text = (u8 *)set_up, byte = *text;

	set_up();
	text_seen = 0;
	text_poke_observer = look_in_poke;
	text_poke(text, &byte, 1);
	text_poke_observer = NULL;
	EXPECT_EQ(text_seen, byte);
	EXPECT_EQ(alias_seen, 0);
}

KTEST(fetch, user_memory)
{
	u64 frame = frame_alloc();

	if (!user_pages_make())
		return;
	strscpy(phys_to_virt(frame), "a user's", 16);
	user_pages_map(0, frame, PAGE_RW);
	set_up();
	regs.di = USER_PAGE;
	string_is("+u0(%di):string", "a user's");
	string_is("+2(%di):ustring", "user's");
	EXPECT_EQ(number("+u1(%di):u8", 1), ' ');
	EXPECT_EQ(number("+u0(%di)", 8), 0x7327726573752061);
	if (cpu_has_smap()) {
		string_is("+0(%di):string", NULL); /* closed to the kernel */
		EXPECT_EQ(number("+0(%di):u8", 1), 0);
	}
	regs.di = (u64)&data; /* the kernel's is no user's */
	EXPECT_EQ(number("+u0(%di):u8", 1), 0);
	regs.di = (1ul << 47) - 4;
	EXPECT_EQ(number("+u0(%di)", 8), 0);
	user_pages_drop();
	frames_free(frame, 1);
}
