/* Servers, started and started again. */
#include "user/init/init.h"

#include "abi/errno.h"
#include "lib/archive.h"
#include "lib/string.h"
#include "user/lib/spawn.h"
#include "user/lib/syscall.h"
#include "user/lib/thread.h"

/* Who dies so often, each time within so short a life, isn't helped by another try. */
#define DEATHS_MAX 5
#define SHORT_LIFE 100000000ul /* ns */

enum { CONSOLE, TRACEFS, SHELL };
struct server servers[NR_SERVERS] = {
	[CONSOLE] = { .name = "console", .priority = PRIORITY_CONSOLE },
	[TRACEFS] = { .name = "tracefs", .priority = PRIORITY_SERVER },
	[SHELL] = { .name = "sh", .priority = PRIORITY_SHELL, .ceiling = PRIORITY_WATCH, .last = true },
};

struct server *server_find(const char *name)
{
	for (int i = 0; i < NR_SERVERS; i++)
		if (!servers[i].last && strcmp(servers[i].name, name) == 0)
			return &servers[i];
	return NULL;
}

static void own(struct spawn *s, unsigned at, u32 handle, u32 rights)
{
	s->given[at] = handle;
	s->rights[at] = rights;
}

/* Each gets what it needs, and no more. */
static void give_own(struct spawn *s, unsigned i)
{
	if (i != SHELL)
		own(s, 0, servers[i].endpoint, RIGHT_RECEIVE | RIGHT_MANAGE);
	if (i == CONSOLE) {
		own(s, 1, boot->com1_ports, RIGHT_READ | RIGHT_WRITE);
		own(s, 2, boot->com1_irq, RIGHT_RECEIVE | RIGHT_MANAGE);
		own(s, 3, servers[i].notification, RIGHT_SEND);
	} else if (i == TRACEFS) {
		own(s, 1, boot->trace, RIGHT_READ | RIGHT_WRITE);
	} else {
		own(s, 0, boot->archive, RIGHT_READ | RIGHT_DUPLICATE);
		own(s, 1, boot->script, RIGHT_READ);
		s->archive_bytes = boot->archive_bytes;
		s->script_bytes = boot->script_bytes;
		s->out = servers[CONSOLE].endpoint;
	}
}

static s64 badged(u64 badge)
{
	return syscall3(SYS_handle_duplicate, box, RIGHT_SEND | RIGHT_DUPLICATE, badge);
}

bool server_start(unsigned i)
{
	struct server *sv = &servers[i];
	char *argv[] = { (char *)sv->name };
	s64 names = badged(BADGE_CLIENT), faults = badged(BADGE_FAULT + i), process;
	struct spawn s = { .name = sv->name,
			   .file = sv->image.file,
			   .bytes = sv->image.bytes,
			   .priority = sv->priority,
			   .ceiling = sv->ceiling,
			   .names = (u32)names,
			   .faults = (u32)faults,
			   .watch = box_notification,
			   .watch_bits = 1ul << i,
			   .argc = 1,
			   .argv = argv };
	const char *why = NULL;

	if (names < 0 || faults < 0) {
		say("init: %s: no handles\n", sv->name);
		return false;
	}
	give_own(&s, i);
	process = spawn(&s, &why);
	syscall3(SYS_handle_close, (u64)names, 0, 0);
	syscall3(SYS_handle_close, (u64)faults, 0, 0);
	sv->started = (u64)syscall0(SYS_clock);
	sv->process = process < 0 ? 0 : (u32)process;
	if (process < 0)
		say("init: %s: %s\n", sv->name, why ?: strerror((int)process));
	return process >= 0;
}

int server_ended(unsigned i)
{
	struct server *sv = &servers[i];
	char what[64];
	u64 status = 0;

	syscall_value(SYS_process_status, sv->process, 0, 0, 0, 0, &status);
	syscall3(SYS_handle_close, sv->process, 0, 0);
	if (sv->last && (boot->script || (int)status == 0 || (int)status == 1))
		return (int)status;
	report_status(what, sizeof(what), (int)status);
	if (!sv->killed)
		sv->deaths = (u64)syscall0(SYS_clock) - sv->started < SHORT_LIFE ? sv->deaths + 1 : 0;
	sv->killed = false;
	if (sv->deaths < DEATHS_MAX) {
		say("init: %s %s, and is started again\n", sv->name, what);
		return server_start(i) ? -EAGAIN : 1;
	}
	say("init: %s %s, as the last %d times: it is given up\n", sv->name, what, DEATHS_MAX);
	return 1;
}
