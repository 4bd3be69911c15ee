/* Probe definitions, taken apart: names, places, arguments, and for each mistake the sentence and its column. */
#include "tests/host/host.h"
#include "kprobe/event.h"
#include "lib/symtab.h"
#include "mm/kmalloc.h"

#define BASE 0xffffffff80100000ull
#define LONG "a_symbol_whose_name_is_as_long_as_the_table_lets_it_be_in_63_ch"

static const u32 offsets[] = { 0x0, 0x20, 0x50, 0x90 };
static const u32 sizes[] = { 0x20, 0x30, 0x40, 0x10 };
static const u32 names[] = { 0, 7, 18, 26 };
const struct symtab kernel_symtab = {
	.base = BASE,
	.count = ARRAY_SIZE(offsets),
	.offsets = offsets,
	.sizes = sizes,
	.names = names,
	.strings = "strcmp\0bar.part.0\0pick_up\0" LONG,
};

/* As mm/kmalloc.c has them. */
void *kzalloc(size_t size) { return calloc(1, size); }
void kfree(void *object) { free(object); }

static struct probe_event e;
static size_t column;
static const char *why;

/* The line is copied to its own bounds, so that a step past its end is seen. */
static int parse(const char *line)
{
	char *copy = strdup(line);
	int err;

	probe_event_free(&e);
	memset(&e, 0, sizeof(e));
	column = 9999;
	why = NULL;
	err = probe_event_parse(&e, copy, &column, &why);
	assert_true(column <= strlen(line));
	free(copy);
	return err;
}

static void good(const char *line, const char *group, const char *name, u64 addr)
{
	int err = parse(line);

	if (err)
		fail_msg("'%s' refused: %s", line, why);
	assert_string_equal(e.group, group);
	assert_string_equal(e.name, name);
	assert_int_equal(e.addr, addr);
}

static void bad(const char *line, int err, size_t at, const char *sentence)
{
	assert_int_equal(parse(line), -err);
	assert_string_equal(why, sentence);
	if (column != at)
		fail_msg("'%s': column %zu, not %zu", line, column, at);
}

static void test_good(void **state)
{
	good("p strcmp", "kprobes", "p_strcmp_0", BASE);
	good("p strcmp+0x1f", "kprobes", "p_strcmp_31", BASE + 0x1f);
	good("p\t strcmp+4 \t", "kprobes", "p_strcmp_4", BASE + 4);
	good("p:in pick_up", "kprobes", "in", BASE + 0x50);
	good("p:grp/in pick_up+077", "grp", "in", BASE + 0x50 + 077);
	good("p:_g1/_1n strcmp", "_g1", "_1n", BASE);
	good("p bar.part.0+1", "kprobes", "p_bar_part_0_1", BASE + 0x21);
	good("p 0xffffffff80100007", "kprobes", "p_0xffffffff80100007", BASE + 7);
	good("p 4096", "kprobes", "p_0x0000000000001000", 4096);
	good("p:x 0", "kprobes", "x", 0);
	assert_string_equal(e.symbol, "");
	parse("p:x  bar.part.0+1 ");
	assert_int_equal(column, 5); /* whoever refuses the place later can point at it */
	assert_string_equal(e.symbol, "bar.part.0");
	assert_int_equal(e.offset, 1);
}

/* "p:", @prefix and a name of @n letters, then a place. */
static const char *with_name(const char *prefix, size_t n)
{
	static char line[3 * EVENT_NAME_MAX];

	snprintf(line, sizeof(line), "p:%s%0*d strcmp", prefix, (int)n, 0);
	for (char *p = line + 2; *p; p++)
		if (*p == '0')
			*p = 'n';
	return line;
}

/* A made-up name is cut to fit; one that was asked for is not. */
static void test_long(void **state)
{
	assert_int_equal(parse("p " LONG), 0);
	assert_string_equal(e.symbol, LONG);
	assert_int_equal(strlen(e.name), min(strlen("p_" LONG "_0"), sizeof(e.name) - 1));
	assert_int_equal(parse(with_name("", sizeof(e.name) - 1)), 0);
	assert_int_equal(strlen(e.name), sizeof(e.name) - 1);
	assert_int_equal(parse(with_name("g/", sizeof(e.name) - 1)), 0);
	assert_int_equal(strlen(e.name), sizeof(e.name) - 1);
	bad(with_name("", sizeof(e.name)), EINVAL, 2, "Event name is too long");
	bad(with_name("g/", sizeof(e.name)), EINVAL, 4, "Event name is too long");
	bad("p " LONG "x", EINVAL, 2, "Symbol name is too long");
	bad("p " LONG "x+1", EINVAL, 2, "Symbol name is too long");
}

/* Three lines each: errno and sentence, the definition, a caret under the place. tests/guest/kprobe_events.t feeds them, too. */
static void test_malformed(void **state)
{
	FILE *table = fopen("tests/samples/kprobe-malformed.txt", "r");
	char sentence[128], line[1024], caret[1024];
	unsigned n = 0;

	assert_non_null(table);
	for (; fgets(sentence, sizeof(sentence), table); n++) {
		int err = strncmp(sentence, "EINVAL ", 7) == 0 ? EINVAL : sentence[1] == '2' ? E2BIG : ENOENT;

		assert_non_null(fgets(line, sizeof(line), table));
		assert_non_null(fgets(caret, sizeof(caret), table));
		line[strcspn(line, "\n")] = sentence[strcspn(sentence, "\n")] = '\0';
		print_message("# %s\n", line);
		bad(line, err, strcspn(caret, "^"), strchr(sentence, ' ') + 1);
		assert_int_equal(e.nr_args, 0);
	}
	assert_true(n > 200);
	fclose(table);
}

static char text[4096];
static struct seq_buf out;

/* One argument of a probe on strcmp's entry; its program, in short; and read back it is the same. */
static void arg(const char *line, const char *name, const char *type, const char *program)
{
	static const char kinds[] = "ritxalu";
	char copy[sizeof(text)], *newline;
	const struct probe_arg *a;

	if (parse(line))
		fail_msg("'%s' refused at %zu: %s", line, column, why);
	assert_int_equal(e.nr_args, 1);
	a = e.args[0];
	assert_string_equal(a->name, name);
	seq_buf_init(&out, text, sizeof(text));
	for (unsigned i = 0; i < a->nr_ops; i++)
		seq_printf(&out.seq, "%c%ld ", kinds[a->ops[i].kind], a->ops[i].value);
	seq_printf(&out.seq, "%s%s%s", a->memory ? "memory" : "value", a->user ? " user" : "",
		   a->user_text && !a->user ? " usertext" : "");
	if (strcmp(text, program) != 0)
		fail_msg("'%s': %s, not %s", line, text, program);
	seq_buf_init(&out, text, sizeof(text));
	seq_printf(&out.seq, "%s %u/%u %u", a->type->name, a->count, a->size,
		   a->shift_left << 8 | a->shift_right);
	if (strcmp(text, type) != 0)
		fail_msg("'%s': %s, not %s", line, text, type);
	seq_buf_init(&out, text, sizeof(text));
	probe_event_show(&out.seq, &e);
	newline = strchr(text, '\n');
	*newline = '\0';
	snprintf(copy, sizeof(copy), "%s", text);
	if (parse(copy))
		fail_msg("'%s' refused at %zu: %s", copy, column, why);
	seq_buf_init(&out, text, sizeof(text));
	probe_event_show(&out.seq, &e);
	*newline = '\0';
	assert_string_equal(text, copy);
}

static void test_arguments(void **state)
{
	arg("p strcmp %r15", "arg1", "x64 0/8 0", "r0 value");
	arg("p strcmp a=%di:u8", "a", "u8 0/1 0", "r112 value");
	arg("p strcmp %rax:s32", "arg1", "s32 0/4 0", "r80 value");
	arg("p strcmp %flags", "arg1", "x64 0/8 0", "r152 value");
	arg("p strcmp %orig_ax:s64", "arg1", "s64 0/8 0", "i-1 value");
	arg("p strcmp $stack", "arg1", "x64 0/8 0", "r160 value");
	arg("p strcmp $stack0:x16", "arg1", "x16 0/2 0", "r160 l0 value");
	arg("p strcmp $stack2048", "arg1", "x64 0/8 0", "r160 l16384 value");
	arg("p strcmp $arg1", "arg1", "x64 0/8 0", "r112 value");
	arg("p strcmp $arg6", "arg1", "x64 0/8 0", "r64 value");
	arg("p strcmp $arg7", "arg1", "x64 0/8 0", "r160 l8 value");
	arg("r strcmp $retval", "arg1", "x64 0/8 0", "r80 value");
	arg("p:n strcmp%return x=$retval:s8", "x", "s8 0/1 0", "r80 value");
	arg("p strcmp $comm", "arg1", "string 0/4 0", "t0 value");
	arg("p strcmp $COMM:string", "arg1", "string 0/4 0", "t0 value");
	arg("p strcmp s=\\\"a:b\"", "s", "string 0/4 0", "x0 value");
	arg("p strcmp s=\\\"ab\":string", "s", "string 0/4 0", "x0 value");
	arg("p strcmp \\-0x10:s64", "arg1", "s64 0/8 0", "i-16 value");
	arg("p strcmp \\+7", "arg1", "x64 0/8 0", "i7 value");
	arg("p strcmp \\0x1000:string", "arg1", "string 0/4 0", "i4096 value");
	arg("p strcmp @0x1000:u32", "arg1", "u32 0/4 0", "i4096 a0 memory");
	arg("p strcmp @strcmp+8:x8[64]", "arg1", "x8 64/64 0", "i-2146435064 a0 memory");
	arg("p strcmp @strcmp-8:string", "arg1", "string 0/4 0", "i-2146435080 a0 memory");
	arg("p strcmp +8(%di):string", "arg1", "string 0/4 0", "r112 a8 memory");
	arg("p strcmp -0x10(+u4(%si))", "arg1", "x64 0/8 0", "r104 u4 a-16 memory");
	arg("p strcmp +u0(%si):string", "arg1", "string 0/4 0", "r104 a0 memory user");
	arg("p strcmp +0(%si):ustring[3]", "arg1", "ustring 3/12 0", "r104 a0 memory usertext");
	arg("p strcmp +0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(%di)))))))))))))))", "arg1", "x64 0/8 0",
	    "r112 l0 l0 l0 l0 l0 l0 l0 l0 l0 l0 l0 l0 l0 l0 a0 memory");
	arg("p strcmp %di:b3@1/8", "arg1", "u8 0/1 1029", "r112 value");
	arg("p strcmp +0(%di):b64@0/64[2]", "arg1", "u64 2/16 0", "r112 a0 memory");
	arg("p strcmp %ip:symbol", "arg1", "symbol 0/8 0", "r136 value");
}

static void place(const char *line, char kind, u64 addr, const char *shown)
{
	if (parse(line))
		fail_msg("'%s' refused at %zu: %s", line, column, why);
	assert_int_equal(e.kind, kind);
	assert_int_equal(e.addr, addr);
	seq_buf_init(&out, text, sizeof(text));
	probe_event_show(&out.seq, &e);
	assert_string_equal(text, shown);
}

static void test_kinds(void **state)
{
	place("r strcmp", 'r', BASE, "r:kprobes/r_strcmp_0 strcmp\n");
	place("r10:g/ strcmp", 'r', BASE, "r10:g/r_strcmp_0 strcmp\n");
	place("p:g. strcmp%return", 'r', BASE, "r:g/r_strcmp_0 strcmp\n");
	place("p:g.x 0xffffffff80100000%return", 'r', BASE, "r:g/x 0xffffffff80100000\n");
	place("r4096:x strcmp+0 $retval", 'r', BASE, "r4096:kprobes/x strcmp arg1=$retval\n");
	place("w:x 0xffff888000001000", 'w', 0xffff888000001000, "w:kprobes/x 0xffff888000001000:8:rw\n");
	place("w:x strcmp+8:4", 'w', BASE + 8, "w:kprobes/x strcmp+8:4:rw\n");
	place("w strcmp:1:x %di", 'w', BASE, "w:kprobes/w_strcmp_0 strcmp:1:x arg1=%di\n");
	place("w:x 4096:2:w", 'w', 4096, "w:kprobes/x 0x0000000000001000:2:w\n");
	place("w:x 4096:2:r", 'w', 4096, "w:kprobes/x 0x0000000000001000:2:rw\n");
	place("p strcmp a=%di  b=$arg2:s32\t%ax", 'p', BASE,
	      "p:kprobes/p_strcmp_0 strcmp a=%di b=$arg2:s32 arg3=%ax\n");
	assert_int_equal(e.size, 8 + 8 + 8 + 4 + 8);
	assert_int_equal(e.args[1]->offset, 24);
	assert_int_equal(e.args[2]->offset, 28);
}

static void printed(const char *line, const void *record, const char *as, const char *format,
		    const char *operands)
{
	parse(line);
	assert_int_equal(e.nr_args, 1);
	seq_buf_init(&out, text, sizeof(text));
	fetch_print(&out.seq, e.args[0], record);
	assert_string_equal(text, as);
	seq_buf_init(&out, text, sizeof(text));
	fetch_print_format(&out.seq, e.args[0]);
	assert_string_equal(text, format);
	seq_buf_init(&out, text, sizeof(text));
	fetch_print_operands(&out.seq, e.args[0]);
	assert_string_equal(text, operands);
}

static void test_print(void **state)
{
	u8 record[64] = { [16] = 0x9c, 0xff, 0xff, 0xff, 3, 0, 0, 0, [32] = 'h', 'i' };
	u32 loc[2] = { 3 << 16 | 32, 32 };

	printed("p strcmp a=%di:s32", record, " a=-100", " a=%d", ", REC->a");
	printed("p strcmp a=%di:s8", record, " a=-100", " a=%d", ", REC->a");
	printed("p strcmp a=%di:u16", record, " a=65436", " a=%u", ", REC->a");
	printed("p strcmp a=%di:x32", record, " a=0xffffff9c", " a=0x%x", ", REC->a");
	printed("p strcmp a=%di", record, " a=0x3ffffff9c", " a=0x%Lx", ", REC->a");
	printed("p strcmp a=%di:s64", record, " a=17179869084", " a=%Ld", ", REC->a");
	printed("p strcmp a=+0(%di):x8[2]", record, " a={0x9c,0xff}", " a={0x%x,0x%x}",
		", REC->a[0], REC->a[1]");
	memcpy(record + 16, loc, sizeof(loc));
	printed("p strcmp a=+0(%di):string", record, " a=\"hi\"", " a=\\\"%s\\\"", ", __get_str(a)");
	printed("p strcmp a=+0(%di):string[2]", record, " a={\"hi\",(fault)}", " a={\\\"%s\\\",\\\"%s\\\"}",
		", __get_str(a[0]), __get_str(a[1])");
	loc[0] = (BASE + 4) & 0xffffffff;
	loc[1] = BASE >> 32;
	memcpy(record + 16, loc, sizeof(loc));
	printed("p strcmp a=%di:symbol", record, " a=strcmp+0x4/0x20", " a=%pS", ", REC->a");
}

/* Any bytes: an answer, with a column that lies in the line (parse() looks) and a sentence when it is no. */
static void test_fuzz(void **state)
{
	static const char *const pieces[] = { "p",   ":",  "/", " ",	"strcmp", "bar.part.0",
					      "+",   "0x", "1", "\t",	"\n",	  "grp",
					      "%di", "r",  "-", "\x80", LONG };
	unsigned taken = 0;

	for (unsigned i = 0; i < 100000; i++) {
		char line[1024] = "p";

		for (u64 n = host_random_below(12); n > 0; n--)
			strcat(line, pieces[host_random_below(ARRAY_SIZE(pieces))]);
		if (parse(line) < 0) {
			assert_non_null(why);
			continue;
		}
		taken++;
		assert_null(why);
		assert_true(e.name[0] && e.group[0]);
	}
	assert_true(taken > 100);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_good),	  cmocka_unit_test(test_long),	cmocka_unit_test(test_malformed),
	cmocka_unit_test(test_arguments), cmocka_unit_test(test_kinds), cmocka_unit_test(test_print),
	cmocka_unit_test(test_fuzz),
};
HOST_TEST_MAIN(tests)
