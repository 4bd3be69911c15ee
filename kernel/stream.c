/* A thread that prints, a ring of text, and who takes it. */
#include "kernel/stream.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/paging.h"
#include "context/context.h"
#include "kernel/usercopy.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "mm/kmalloc.h"
#include "sched/thread.h"
#include "tracefs/tracefs.h"

#define PIECE 256

/* Read by the other side without the lock, when it looks whether to wait: it is woken after each change. */
static size_t filled(const struct stream *s) { return READ_ONCE(s->text.in) - READ_ONCE(s->text.out); }

static void copy_in(struct text_ring *r, const char *text, size_t n)
{
	size_t at = r->in & (r->size - 1), first = min(n, r->size - at);

	memcpy(r->buf + at, text, first);
	memcpy(r->buf, text + first, n - first);
	WRITE_ONCE(r->in, r->in + n);
}

static void copy_out(const struct text_ring *r, char *to, size_t n)
{
	size_t at = r->out & (r->size - 1), first = min(n, r->size - at);

	memcpy(to, r->buf + at, first);
	memcpy(to + first, r->buf, n - first);
}

/* Paid for by whoever opened it; what that costs beyond the text is given back with the stream. */
static u64 more_room(struct stream *s, size_t size)
{
	if (size > STREAM_MOST ||
	    object_charge_more(&s->object, (u32)((size - s->text.size) / PAGE_SIZE)) != 0)
		return 0;
	return frames_alloc(size / PAGE_SIZE);
}

/* By the thread that prints; who takes some meanwhile does so from the old place or the new. False: there is no memory. */
static bool grow(struct stream *s)
{
	struct text_ring bigger = { .size = 2 * s->text.size }, old;
	u64 pa = more_room(s, bigger.size), flags;

	if (!pa)
		return false;
	bigger.buf = phys_to_virt(pa);
	flags = spin_lock_irqsave(&s->lock);
	old = s->text;
	bigger.in = old.in - old.out;
	copy_out(&old, bigger.buf, bigger.in);
	s->text = bigger;
	spin_unlock_irqrestore(&s->lock, flags);
	frames_free(virt_to_phys(old.buf), old.size / PAGE_SIZE);
	return true;
}

static size_t put(struct stream *s, const char *text, size_t len)
{
	u64 flags = spin_lock_irqsave(&s->lock);
	size_t n = min(len, s->text.size - filled(s));

	copy_in(&s->text, text, n);
	spin_unlock_irqrestore(&s->lock, flags);
	return n;
}

static bool has_room(const struct stream *s) { return filled(s) < STREAM_ROOM / 2 || READ_ONCE(s->deserted); }

/* A command has no lock that whoever takes the text could want, unless it reads a file; but it may print where nobody may wait. */
static bool may_wait(const struct stream *s)
{
	return s->kind == STREAM_COMMAND && !in_atomic() && irqs_enabled() && !tracefs_is_mine();
}

static void stream_write(struct seq *q, const char *text, size_t len)
{
	struct stream *s = container_of(q, struct stream, seq);

	while (len && !READ_ONCE(s->deserted)) {
		size_t n = put(s, text, len);

		if (memchr(text, '\n', n) || filled(s) > STREAM_ROOM / 2)
			wake_all(&s->readable);
		text += n;
		len -= n;
		if (!len)
			break;
		if (may_wait(s)) {
			wait_event(&s->writable, has_room(s));
		} else if (!grow(s)) {
			q->overflow = true;
			return;
		}
	}
	q->full = filled(s) >= STREAM_ROOM;
}

/* Others may use the files meanwhile. */
static void wait_for_room(struct seq *q)
{
	struct stream *s = container_of(q, struct stream, seq);
	bool locked = tracefs_pause();

	wake_all(&s->readable);
	wait_event(&s->writable, has_room(s));
	q->full = false;
	if (locked)
		tracefs_resume();
}

static void opened(struct object *o, u32 rights)
{
	__atomic_fetch_add(&container_of(o, struct stream, object)->open, 1, __ATOMIC_RELAXED);
}

/* The last handle: what still prints is to end, and finds nobody to wait for. */
static void closed(struct object *o, u32 rights)
{
	struct stream *s = container_of(o, struct stream, object);

	if (__atomic_sub_fetch(&s->open, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	WRITE_ONCE(s->deserted, true);
	stream_interrupt(s);
}

static void destroy(struct object *o)
{
	struct stream *s = container_of(o, struct stream, object);

	frames_free(virt_to_phys(s->text.buf), s->text.size / PAGE_SIZE);
}

/* By kworker: a thread can't free its own stack. */
static void reap(struct work *w)
{
	struct stream *s = container_of(w, struct stream, reap);

	thread_join(s->thread);
	object_put(&s->object);
}

struct stream *stream_create(u32 kind, size_t len)
{
	u64 pa = frames_alloc(STREAM_ROOM / PAGE_SIZE);
	struct stream *s = pa ? kzalloc(sizeof(*s) + len + 1) : NULL;

	if (!s) {
		if (pa)
			frames_free(pa, STREAM_ROOM / PAGE_SIZE);
		return NULL;
	}
	object_init(&s->object, OBJECT_STREAM, destroy);
	s->object.opened = opened;
	s->object.closed = closed;
	s->seq = (struct seq){ .write = stream_write, .wait = wait_for_room };
	s->kind = kind;
	s->len = len;
	s->lock = (struct spinlock)SPINLOCK_INIT(stream);
	s->text = (struct text_ring){ .buf = phys_to_virt(pa), .size = STREAM_ROOM };
	wait_queue_init(&s->readable, "stream to read");
	wait_queue_init(&s->writable, "stream to write");
	mutex_init(&s->reader, "stream reader");
	s->reap = (struct work)WORK_INIT(reap);
	return s;
}

static void print_entry(void *arg, const char *name, bool is_dir)
{
	seq_printf(arg, "%s%s\n", name, is_dir ? "/" : "");
}

static int print(struct stream *s)
{
	switch (s->kind) {
	case STREAM_FILE:
		return tracefs_read(s->words, &s->seq);
	case STREAM_DIRECTORY:
		return tracefs_readdir(s->words, print_entry, &s->seq);
	default:
		return command_run(s->words, s->len, &s->seq);
	}
}

static int run(void *arg)
{
	struct stream *s = arg;
	int err = print(s);

	s->result = s->seq.overflow && !err ? -E2BIG : err;
	s->thread = current();
	__atomic_store_n(&s->ended, true, __ATOMIC_RELEASE);
	wake_all(&s->readable);
	schedule_work(&s->reap);
	return 0;
}

int stream_start(struct stream *s)
{
	object_get(&s->object);
	if (thread_create("stream", run, s, PRIORITY_DEFAULT, CPU_MASK_ALL))
		return 0;
	object_put(&s->object);
	return -ENOMEM;
}

/* Copied first, and gone only when the user has it. */
static s64 take(struct stream *s, u64 to, size_t bytes)
{
	char piece[PIECE];
	size_t done = 0, n;
	int err = 0;

	while (!err && done < bytes) {
		u64 flags = spin_lock_irqsave(&s->lock);

		n = min(bytes - done, sizeof(piece));
		n = min(n, filled(s));
		copy_out(&s->text, piece, n);
		spin_unlock_irqrestore(&s->lock, flags);
		if (!n)
			break;
		err = copy_to_user(to + done, piece, n);
		if (err)
			break;
		flags = spin_lock_irqsave(&s->lock);
		WRITE_ONCE(s->text.out, s->text.out + n);
		spin_unlock_irqrestore(&s->lock, flags);
		done += n;
	}
	if (done && has_room(s))
		wake_all(&s->writable);
	return done ? (s64)done : err;
}

/* Nothing is printed behind the end: who sees it, and then no text, has had all. */
s64 stream_read(struct stream *s, u64 to, size_t bytes, u64 deadline)
{
	bool ended = false, killed = false;
	s64 n;

	for (;;) {
		if (!wait_event_until(&s->readable,
				      (ended = __atomic_load_n(&s->ended, __ATOMIC_ACQUIRE)) || filled(s) ||
					      (killed = READ_ONCE(current()->killed)),
				      deadline))
			return -ETIMEDOUT;
		if (killed)
			return -EINTR;
		mutex_lock(&s->reader);
		n = take(s, to, bytes);
		mutex_unlock(&s->reader);
		if (n || ended)
			return n ?: s->result;
	}
}

void stream_interrupt(struct stream *s)
{
	tracefs_interrupt(&s->seq);
	wake_all(&s->writable);
	command_interrupted();
}
