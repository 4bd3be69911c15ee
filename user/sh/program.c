/* Programs of the boot module, run by name: what one prints comes here, and goes where the command's output goes. */
#include "abi/errno.h"
#include "user/sh/shell.h"
#include "lib/compiler.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "user/lib/console.h"
#include "user/lib/memory.h"
#include "user/lib/report.h"
#include "user/lib/spawn.h"
#include "user/lib/syscall.h"
#include "user/lib/thread.h"
#include "user/lib/user.h"
#include "user/sh/sh.h"

#define BADGE_OUT   1
#define BADGE_FAULT 2
#define BIT_ENDED   1

static const u8 *archive;
static u32 box, notification, box_out, box_fault; /* where a program's text, faults and end come to */

static bool make_box(void)
{
	s64 e = syscall0(SYS_endpoint_create), n = syscall0(SYS_notification_create), out, fault;

	if (e < 0 || n < 0 || syscall3(SYS_endpoint_bind, (u64)e, (u64)n, 0) != 0)
		return false;
	out = syscall3(SYS_handle_duplicate, (u64)e, RIGHT_SEND | RIGHT_DUPLICATE, BADGE_OUT);
	fault = syscall3(SYS_handle_duplicate, (u64)e, RIGHT_SEND | RIGHT_DUPLICATE, BADGE_FAULT);
	box = (u32)e;
	notification = (u32)n;
	box_out = (u32)out;
	box_fault = (u32)fault;
	return out > 0 && fault > 0;
}

bool sh_archive_init(void)
{
	size_t pages = (program()->archive_bytes + PAGE_SIZE - 1) / PAGE_SIZE;

	archive = memory_map(program()->given[0], pages, RIGHT_READ);
	return archive && make_box();
}

bool sh_find_program(const char *name, struct archive_file *out)
{
	const char *why;

	return archive_find(archive, program()->archive_bytes, name, out, &why);
}

void sh_each_program(void (*each)(const struct archive_file *f))
{
	struct archive_file f;
	const char *why;
	size_t at = 0;

	while (archive_next(archive, program()->archive_bytes, &at, &f, &why) > 0)
		if (f.size > 4 && memcmp(f.data, "\177ELF", 4) == 0)
			each(&f);
}

static s64 start(int argc, char **argv, const struct archive_file *f, const char **why)
{
	struct spawn s = { .name = argv[0],
			   .file = f->data,
			   .bytes = f->size,
			   .priority = PRIORITY_SHELL,
			   .names = program()->names,
			   .out = box_out,
			   .faults = box_fault,
			   .watch = notification,
			   .watch_bits = BIT_ENDED,
			   .given = { program()->given[0] },
			   .rights = { RIGHT_READ | RIGHT_DUPLICATE },
			   .archive_bytes = program()->archive_bytes,
			   .argc = argc,
			   .argv = argv };

	return spawn(&s, why);
}

static s64 take_text(const struct message *m, struct seq *out)
{
	size_t bytes = m->label >> 8;

	if ((m->label & 0xff) != CONSOLE_WRITE)
		return -ENOSYS;
	if (bytes > CONSOLE_BYTES)
		return -E2BIG;
	seq_write(out, (const char *)m->words, bytes);
	return 0;
}

/* The bit may be of one that couldn't be started. */
static bool has_ended(u32 process) { return syscall3(SYS_process_status, process, 0, 0) != -EAGAIN; }

/* Until it has ended. Nobody reads it any more: it is killed. */
static void serve(u32 process, const struct image *image, struct seq *out)
{
	struct message m;

	while (message_receive(box, &m, 0) == 0) {
		if (!m.token) {
			if (has_ended(process))
				break;
			continue;
		}
		if (m.handle)
			syscall3(SYS_handle_close, m.handle, 0, 0);
		if (m.badge == BADGE_FAULT) {
			report_fault(&m, process, image);
			m.label = 0;
		} else {
			m.label = (u64)take_text(&m, out);
		}
		m.handle = 0;
		message_reply(box, &m);
		if (seq_is_closed(out) && !out->in_line)
			syscall3(SYS_process_kill, process, (u64)-EPIPE, 0);
	}
}

static void tell_status(u32 process, const char *name, struct seq *out)
{
	char what[64];
	u64 status = 0;

	syscall_value(SYS_process_status, process, 0, 0, 0, 0, &status);
	if (!(int)status || seq_is_closed(out))
		return;
	report_status(what, sizeof(what), (int)status);
	shell_complain_text(shell_of(out), name, what);
}

int sh_run_program(int argc, char **argv, struct seq *out)
{
	struct archive_file f;
	const char *why = NULL;
	s64 process;

	if (!sh_find_program(argv[0], &f))
		return -ENOENT;
	process = start(argc, argv, &f, &why);
	if (why)
		shell_complain_text(shell_of(out), argv[0], why);
	if (process < 0)
		return why ? 0 : (int)process;
	sh_set_program((u32)process);
	if (seq_is_closed(out)) /* just before */
		sh_end_running();
	serve((u32)process, &(struct image){ argv[0], f.data, f.size }, out);
	sh_set_program(0);
	tell_status((u32)process, argv[0], out);
	syscall3(SYS_handle_close, (u64)process, 0, 0);
	return 0;
}
