/* What init's files share. */
#pragma once

#include "abi/boot.h"
#include "abi/rights.h"
#include "user/lib/message.h"
#include "user/lib/report.h"

#define NR_SERVERS 3

/* What runs for good: the console, the control files, and the shell, whose end is everyone's. */
struct server {
	const char *name;
	unsigned priority, ceiling;
	bool last; /* the machine ends with it, unless it dies while somebody is at the console */
	struct image image;
	u32 endpoint; /* where it is called; init keeps it, so that callers wait while it is started anew */
	u32 notification; /* whose bits come there, too; likewise */
	u32 process;	  /* its handle */
	bool killed;	  /* on demand: that is not its fault */
	unsigned deaths;  /* since the start, or the last long life */
	u64 started;	  /* ns */
};

extern const struct boot_handles *boot;
extern struct server servers[NR_SERVERS];
/* Where all come to init: callers, faults, ends. */
extern u32 box, box_notification;

/* A badge says who calls by this handle of the box: a client, or the fault of server number badge - BADGE_FAULT. */
#define BADGE_CLIENT 1
#define BADGE_FAULT  2

/* Starts server @i; prints why it can't. */
bool server_start(unsigned i);
/* It has died: says so, and starts it again, unless that keeps happening. The status, to end with; -EAGAIN: all goes on. */
int server_ended(unsigned i);
struct server *server_find(const char *name);
void say(const char *fmt, ...) __attribute__((__format__(__printf__, 1, 2)));
