/* Event filters: what each operator says of a record, each mistake with its words and place, and any bytes at all. */
#include "tests/host/host.h"
#include "ftrace/event_filter.h"

struct record {
	u16 common_type;
	u8 common_flags, common_preempt_count;
	s32 common_pid;
	s8 tiny;
	u8 byte;
	u16 word;
	s32 number;
	u64 big;
	s64 small;
	char name[16], full[4];
	u8 bytes[4];
	u8 unaligned;
	u8 place[4], faulted[4]; /* of the text; of none */
	char text[6];
};

static const struct event_field fields[] = {
	{ "s8", "tiny", offsetof(struct record, tiny), 1, true, false, false, 0 },
	{ "u8", "byte", offsetof(struct record, byte), 1, false, false, false, 0 },
	{ "u16", "word", offsetof(struct record, word), 2, false, false, false, 0 },
	{ "int", "number", offsetof(struct record, number), 4, true, false, false, 0 },
	{ "u64", "big", offsetof(struct record, big), 8, false, false, false, 0 },
	{ "long", "small", offsetof(struct record, small), 8, true, false, false, 0 },
	{ "char", "name", offsetof(struct record, name), 16, true, true, false, 0 },
	{ "char", "full", offsetof(struct record, full), 4, true, true, false, 0 },
	{ "u8", "bytes", offsetof(struct record, bytes), 4, false, false, false, 4 },
	{ "__data_loc char[]", "text", offsetof(struct record, place), 4, true, true, true, 0 },
	{ "__data_loc char[]", "fault", offsetof(struct record, faulted), 4, true, true, true, 0 },
	{ "__data_loc char[]", "texts", offsetof(struct record, place), 8, true, true, true, 2 },
	{},
};

static const struct record record = {
	.common_type = 40,
	.common_flags = 1,
	.common_pid = 7,
	.tiny = -1,
	.byte = 200,
	.word = 0xfff0,
	.number = -5,
	.big = 0xffffffffffffffff,
	.small = INT64_MIN,
	.name = "rcu_gp",
	.full = { 'a', 'b', 'c', 'd' },
	.place = { offsetof(struct record, text), 0, 6, 0 },
	.faulted = { sizeof(struct record), 0, 0, 0 },
	.text = "hello",
};

static const char *why;
static size_t at;

/* In memory of its own size, so that a step past either end is seen; NULL: refused. */
static struct event_filter *parse(const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);
	struct event_filter *f = malloc(event_filter_size(len));
	int err;

	memcpy(copy, text, len);
	why = NULL;
	at = 9999;
	err = event_filter_parse(f, fields, copy, len, &why, &at);
	free(copy);
	assert_true(err == 0 || err == -EINVAL);
	assert_true(at <= len);
	if (!err)
		return f;
	assert_non_null(why);
	free(f);
	return NULL;
}

static bool match(struct event_filter *f)
{
	struct record *copy = malloc(sizeof(*copy));
	bool answer;

	*copy = record;
	answer = event_filter_match(f, copy, "sh\0............", 2);
	free(copy);
	return answer;
}

static void says(const char *text, bool want)
{
	struct event_filter *f = parse(text, strlen(text));

	if (!f)
		fail_msg("'%s' refused at %zu: %s", text, at, why);
	assert_string_equal(f->text, text);
	if (match(f) != want)
		fail_msg("'%s' isn't %d", text, want);
	free(f);
}

static void test_numbers(void **state)
{
	says("number == -5", true);
	says("number != -5", false);
	says("number < -4", true);
	says("number <= -5", true);
	says("number < -5", false);
	says("number > -6", true);
	says("number >= -5", true);
	says("number > 0", false);
	says("tiny == -1", true);
	says("tiny < 0", true);
	says("byte == 200", true);
	says("byte > 199", true);
	says("word == 0xfff0", true);
	says("word & 0x10", true);
	says("word & 0xf", false);
	says("big == 0xffffffffffffffff", true);
	says("big > 1", true);
	says("big == 18446744073709551615", true);
	says("small == -9223372036854775808", true);
	says("small < 0", true);
	says("number==-5", true);
	says("number == 010", false);
}

static void test_common_fields(void **state)
{
	says("common_pid == 7", true);
	says("common_type == 40", true);
	says("common_flags & 1", true);
	says("common_preempt_count == 0", true);
	says("cpu == 2", true);
	says("CPU != 2", false);
	says("comm == \"sh\"", true);
	says("COMM ~ \"s*\"", true);
}

static void test_strings(void **state)
{
	says("name == \"rcu_gp\"", true);
	says("name == 'rcu_gp'", true);
	says("name == \"rcu\"", false);
	says("name == \"rcu_gp2\"", false);
	says("name != \"rcu\"", true);
	says("name ~ \"rcu*\"", true);
	says("name ~ \"*gp\"", true);
	says("name ~ \"[a-q]*\"", false);
	says("text == \"hello\"", true);
	says("text != \"hell\"", true);
	says("text ~ \"*ll?\"", true);
	says("fault == \"\"", true);
	says("fault ~ \"?*\"", false);
	says("full == \"abcd\"", true);
	says("full ~ \"abcd\"", true);
	says("full ~ \"abcd?\"", false);
	says("name == \"\"", false);
	says("name == \"a && b ) ( '\"", false);
}

static void test_logic(void **state)
{
	says("byte == 200 && word == 1", false);
	says("byte == 200 || word == 1", true);
	says("word == 1 || byte == 200", true);
	says("word == 1 && byte == 1 || tiny == -1", true);
	says("tiny == -1 || word == 1 && byte == 1", true);
	says("(tiny == -1 || word == 1) && byte == 1", false);
	says("!(tiny == -1 && word == 1)", true);
	says("!tiny == -1", false);
	says("!!tiny == -1", true);
	says("! ( ( byte == 200 ) )", false);
	says("byte==200&&tiny==-1&&number==-5&&big>0", true);
	says("byte==200&&tiny==-1&&number==-5&&big==0", false);
	says("byte==1||tiny==1||number==1||big==1", false);
	says("(byte==1||tiny==-1)&&(number==1||small<0)", true);
	says("!(byte==1||tiny==-1)||!(number==1||small<0)", false);
}

static void refused(const char *text, const char *words, size_t place)
{
	assert_null(parse(text, strlen(text)));
	if (strcmp(why, words) != 0 || at != place)
		fail_msg("'%s': '%s' at %zu, not '%s' at %zu", text, why, at, words, place);
}

static void test_refusals(void **state)
{
	char longest[FILTER_OPERAND_MAX + 16] = "name == \"";

	refused("bogus == 1", "Field not found", 6); /* the place that Linux shows */
	refused("", "No filter found", 0);
	refused("   ", "No filter found", 3);
	refused("number", "Invalid operator", 6);
	refused("number = 5", "Invalid operator", 7);
	refused("number == ", "Invalid value (did you forget quotes)?", 10);
	refused("number == five", "Invalid value (did you forget quotes)?", 10);
	refused("number == \"five\"", "Expecting numeric field", 10);
	refused("number ~ 5", "Illegal operation for field type", 7);
	refused("name < \"a\"", "Illegal operation for field type", 5);
	refused("name & 1", "Illegal operation for field type", 5);
	refused("name == 5", "Expecting string field", 8);
	refused("name == rcu", "Invalid value (did you forget quotes)?", 8);
	refused("name == \"rcu", "Missing matching quote", 8);
	refused("name == \"rcu'", "Missing matching quote", 8);
	refused("number == 5x", "Illegal integer value", 10);
	refused("number == 0x", "Illegal integer value", 10);
	refused("number == -", "Illegal integer value", 10);
	refused("byte == -1", "Illegal integer value", 8);
	refused("big == 18446744073709551616", "Illegal integer value", 7);
	refused("small == 9223372036854775808", "Illegal integer value", 9);
	refused("small == -9223372036854775809", "Illegal integer value", 9);
	refused("(number == 5", "Too many '('", 0);
	refused("number == 5)", "Too few '('", 11);
	refused(")", "Too few '('", 0);
	refused("()", "Too few '('", 1);
	refused("number == 5 byte == 1", "Meaningless filter expression", 12);
	refused("number == 5 &&", "Meaningless filter expression", 14);
	refused("&& number == 5", "Meaningless filter expression", 0);
	refused("number == 5 & byte == 1", "Meaningless filter expression", 12);
	refused("((((((((((((((((((number == 5))))))))))))))))))", "Too many '('", 16);
	memset(longest + 9, 'x', FILTER_OPERAND_MAX);
	strcpy(longest + 9 + FILTER_OPERAND_MAX, "\"");
	refused(longest, "Operand too long", 9);
}

static void test_too_many_terms(void **state)
{
	char text[FILTER_TEXT_MAX] = "byte==1";
	struct event_filter *f;

	for (int i = 0; i < 31; i++)
		strcat(text, "||byte==1");
	f = parse(text, strlen(text));
	assert_non_null(f);
	free(f);
	strcat(text, "||byte==1");
	assert_null(parse(text, strlen(text)));
	assert_string_equal(why, "Too many terms in predicate expression");
}

static void test_odd_bytes(void **state)
{
	struct event_filter *f;

	assert_null(parse("byte == 1\0", 10));
	assert_null(parse("\xff\xfe", 2));
	f = parse("name == \"\xff\xc3\"", 12);
	assert_non_null(f);
	assert_false(match(f));
	free(f);
}

/* Pieces that fit together often enough, and some that don't. */
static void test_fuzz(void **state)
{
	static const char *const pieces[] = {
		"number",   "byte", "name", "comm", "cpu", "big",  "nosuch",	  "==",
		"!=",	    "<",    "<=",   ">",    ">=",  "&",	   "~",		  "&&",
		"||",	    "!",    "(",    ")",    "1",   "-5",   "0x10",	  "99999999999999999999",
		"\"rcu*\"", "'x'",  "\"",   "'",    " ",   "\xff", "number == 1", "name ~ \"r*\"",
		"byte > 3",
	};
	const char *rounds = getenv("FUZZ");
	u64 taken = 0;

	for (long n = rounds ? atol(rounds) : 200000; n; n--) {
		char text[400] = "";
		struct event_filter *f;

		for (u64 k = host_random_below(12); k; k--)
			strcat(text, pieces[host_random_below(ARRAY_SIZE(pieces))]);
		f = parse(text, strlen(text));
		if (f) {
			taken++;
			match(f);
			free(f);
		}
	}
	assert_true(taken > 100);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_numbers),	  cmocka_unit_test(test_common_fields),
	cmocka_unit_test(test_strings),	  cmocka_unit_test(test_logic),
	cmocka_unit_test(test_refusals),  cmocka_unit_test(test_too_many_terms),
	cmocka_unit_test(test_odd_bytes), cmocka_unit_test(test_fuzz),
};
HOST_TEST_MAIN(tests)
