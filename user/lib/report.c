/* A fault as text: registers out of the message, and who called whom, by the frame pointers in the other's memory. */
#include "user/lib/report.h"

#include "lib/compiler.h"
#include "lib/elf.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "user/lib/syscall.h"
#include "user/lib/user.h"

#define FRAMES_MAX    16
#define STATUS_FAULT  (-1000)
#define STATUS_ORPHAN (-2000)

/* A fault's words (abi/ipc.h). */
enum { VECTOR, ERROR, ABOUT, IP, SP, THREAD, BP };

static const char *exception(u64 vector)
{
	static const char *const names[] = { "#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM",
					     "#DF", "9",   "#TS", "#NP", "#SS", "#GP", "#PF", "15",
					     "#MF", "#AC", "#MC", "#XM", "#VE", "#CP" };

	return vector < ARRAY_SIZE(names) ? names[vector] : "an exception";
}

static void say(const char *fmt, ...) __printf(1, 2);
static void say(const char *fmt, ...)
{
	char line[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	print_kernel(line, strlen(line));
}

static void say_place(const struct image *image, u64 ip)
{
	const char *name;
	u64 offset;

	if (elf_symbol(image->file, image->bytes, ip, &name, &offset))
		say("    [%lx] %s+0x%lx\n", ip, name, offset);
	else
		say("    [%lx]\n", ip);
}

/* Frames lie one above the other; where they don't, the walk ends. A call's own address is one below where it returns to. */
static void backtrace(u32 process, const struct image *image, u64 bp)
{
	for (int i = 0; i < FRAMES_MAX && bp; i++) {
		u64 frame[2];

		if (bp % 8 || syscall6(SYS_space_read, process, bp, (u64)frame, sizeof(frame), 0, 0) != 0)
			break;
		say_place(image, frame[1] - 1);
		if (frame[0] <= bp)
			break;
		bp = frame[0];
	}
}

void report_fault(const struct message *m, u32 process, const struct image *image)
{
	const u64 *w = m->words;

	say("%s: thread %lu: %s, error code %lx, about %lx, sp %lx\n", image->name, w[THREAD],
	    exception(w[VECTOR]), w[ERROR], w[ABOUT], w[SP]);
	say_place(image, w[IP]);
	backtrace(process, image, w[BP]);
}

void report_status(char *buf, size_t size, int status)
{
	if (status <= STATUS_FAULT && status > STATUS_FAULT - 32)
		snprintf(buf, size, "died of %s", exception((u64)(STATUS_FAULT - status)));
	else if (status == STATUS_ORPHAN)
		snprintf(buf, size, "ended with who started it");
	else
		snprintf(buf, size, "ended with status %d", status);
}
