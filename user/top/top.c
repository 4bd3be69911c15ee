/* Who has run most in the last second, or as long as one says. */
#include "abi/errno.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "user/lib/syscall.h"
#include "user/lib/trace.h"
#include "user/lib/user.h"

#define THREADS "/sys/kernel/tracing/threads"
#define ROWS	20
#define MAX	128

struct row {
	u64 tid, us;
	const char *name;
};

static struct row rows[MAX];
static size_t nr_rows;

/* The next word of *@at, which is moved behind it and cut there; "" at the end. */
static char *word(char **at)
{
	char *start = *at, *end;

	while (*start == ' ')
		start++;
	for (end = start; *end && *end != ' '; end++)
		;
	*at = *end ? end + 1 : end;
	*end = '\0';
	return start;
}

static void read_row(char *line)
{
	struct row *r = &rows[nr_rows];
	char *tid = word(&line), *us;

	for (int i = 0; i < 3; i++) /* priority, state, CPU */
		word(&line);
	us = word(&line);
	if (nr_rows == MAX || !parse_u64(tid, strlen(tid), 10, &r->tid) ||
	    !parse_u64(us, strlen(us), 10, &r->us))
		return; /* the headline, or that there are more */
	r->name = line;
	nr_rows++;
}

static void read_rows(char *text)
{
	while (*text) {
		char *end = strchr(text, '\n');

		if (end)
			*end = '\0';
		read_row(text);
		text = end ? end + 1 : text + strlen(text);
	}
}

/* The busiest moves to place @i. */
static void select(size_t i)
{
	struct row best;
	size_t at = i;

	for (size_t k = i + 1; k < nr_rows; k++)
		if (rows[k].us > rows[at].us)
			at = k;
	best = rows[at];
	rows[at] = rows[i];
	rows[i] = best;
}

static void show(u64 us)
{
	print("  TID    CPU   TIME-US NAME\n");
	for (size_t i = 0; i < min(nr_rows, (size_t)ROWS); i++) {
		u64 share;

		select(i);
		share = rows[i].us * 1000 / us;
		if (rows[i].us)
			print_format("%5lu %3lu.%lu%% %9lu %s\n", rows[i].tid, share / 10, share % 10,
				     rows[i].us, rows[i].name);
	}
}

static s64 wait(u64 us)
{
	u64 bits;
	s64 n = syscall0(SYS_notification_create);

	if (n < 0)
		return n;
	syscall_value(SYS_notification_wait, (u64)n, us, 0, 0, 0, &bits); /* nobody sets one */
	return 0;
}

static s64 measure(u64 us)
{
	static char text[16384];
	u64 start = (u64)syscall0(SYS_clock);
	s64 err = trace_write(THREADS, "1", 1, false);

	if (err < 0)
		return err;
	err = wait(us);
	if (!err)
		err = trace_read(THREADS, text, sizeof(text));
	us = ((u64)syscall0(SYS_clock) - start) / 1000;
	trace_write(THREADS, "0", 1, false);
	if (err < 0)
		return err;
	read_rows(text);
	show(max(us, 1ul));
	return 0;
}

int main(int argc, char **argv)
{
	u64 ms = 1000;
	s64 err;

	if (argc > 2 || (argc == 2 && (!parse_u64(argv[1], strlen(argv[1]), 10, &ms) || !ms || ms > 60000))) {
		print("usage: top [MILLISECONDS]\n");
		return 1;
	}
	err = measure(ms * 1000);
	if (err)
		print_format("top: %s: %s\n", THREADS, strerror((int)err));
	return err != 0;
}
