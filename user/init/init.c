/*
 * The first program. It has all that the kernel gives to users, hands each server its part, knows them by name, and starts again
 * who dies. It calls nobody: whoever calls it is answered at once.
 */
#include "user/init/init.h"

#include "abi/errno.h"
#include "lib/archive.h"
#include "lib/compiler.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "user/lib/answer.h"
#include "user/lib/memory.h"
#include "user/lib/names.h"
#include "user/lib/syscall.h"
#include "user/lib/user.h"

const struct boot_handles *boot;
u32 box, box_notification;

void say(const char *fmt, ...)
{
	char line[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	print_kernel(line, strlen(line));
}

/* The client's own handle of a server, by whose badge that knows it: no two are given the same. */
static void find(struct message *m, struct server *sv)
{
	static u64 last_badge;
	s64 h = syscall3(SYS_handle_duplicate, sv->endpoint, RIGHT_SEND | RIGHT_DUPLICATE, ++last_badge);

	m->label = h < 0 ? (u64)h : 0;
	m->handle = h < 0 ? 0 : (u32)h;
	message_answer(box, m);
	if (h >= 0)
		syscall3(SYS_handle_close, (u64)h, 0, 0);
}

static void client(struct message *m)
{
	char name[sizeof(m->words) + 1] = "";
	struct server *sv;

	if (m->handle)
		syscall3(SYS_handle_close, m->handle, 0, 0);
	m->handle = 0;
	memcpy(name, m->words, sizeof(m->words));
	sv = server_find(name);
	if (sv && m->label == NAMES_FIND) {
		find(m, sv);
		return;
	}
	if (sv && m->label == NAMES_KILL) {
		sv->killed = true;
		m->label = (u64)syscall3(SYS_process_kill, sv->process, 9, 0);
	} else {
		m->label = (u64)(s64)(sv ? -ENOSYS : -ENOENT);
	}
	message_reply(box, m);
}

/* It doesn't go on: its end comes as a bit. */
static void fault(struct message *m, struct server *sv)
{
	report_fault(m, sv->process, &sv->image);
	m->label = 0;
	message_reply(box, m);
}

/* -EAGAIN, or the status to end with. */
static int handle(struct message *m)
{
	int status = -EAGAIN;

	if (m->token) {
		if (m->badge >= BADGE_FAULT && m->badge < BADGE_FAULT + NR_SERVERS)
			fault(m, &servers[m->badge - BADGE_FAULT]);
		else
			client(m);
		return status;
	}
	for (unsigned i = 0; i < NR_SERVERS && status == -EAGAIN; i++)
		if (m->label & 1ul << i)
			status = server_ended(i);
	return status;
}

static bool make_box(void)
{
	s64 e = syscall0(SYS_endpoint_create), n = syscall0(SYS_notification_create);

	box = (u32)e;
	box_notification = (u32)n;
	return e > 0 && n > 0 && syscall3(SYS_endpoint_bind, box, box_notification, 0) == 0;
}

/* Their files, out of the boot module. */
static bool find_servers(const u8 *archive)
{
	for (int i = 0; i < NR_SERVERS; i++) {
		struct server *sv = &servers[i];
		struct archive_file f;
		const char *why;
		s64 e = syscall0(SYS_endpoint_create), n = syscall0(SYS_notification_create);

		if (!archive_find(archive, boot->archive_bytes, sv->name, &f, &why)) {
			say("init: %s: %s\n", sv->name, why);
			return false;
		}
		if (e < 0 || n < 0 || syscall3(SYS_endpoint_bind, (u64)e, (u64)n, 0) != 0)
			return false;
		sv->image = (struct image){ sv->name, f.data, f.size };
		sv->endpoint = (u32)e;
		sv->notification = (u32)n;
	}
	return true;
}

static bool start(void)
{
	size_t pages = (boot->archive_bytes + PAGE_SIZE - 1) / PAGE_SIZE;
	const u8 *archive = boot->archive ? memory_map(boot->archive, pages, RIGHT_READ) : NULL;

	if (!archive)
		say("init: there is no boot module\n");
	if (!archive || !make_box() || !find_servers(archive))
		return false;
	for (unsigned i = 0; i < NR_SERVERS; i++)
		if (!server_start(i))
			return false;
	return true;
}

static int run(void)
{
	int status = start() ? -EAGAIN : 1;
	struct message m;

	while (status == -EAGAIN)
		status = message_receive(box, &m, 0) ? 1 : handle(&m);
	return status;
}

int main(int argc, char **argv)
{
	if (!start_argument)
		return print("init: hello from user mode\n") != 0;
	boot = start_argument;
	syscall3(SYS_machine_exit, boot->trace, run() != 0, 0);
	return 1;
}
