/* Events that show if they are whole, and a second decoder of ring pages, written from the format's description alone. */
#include "tests/host/trace_ring_fixture.h"

bool ring_waiting;
void ring_wake(void) { fail(); }

static struct ring_slot *new_slots(u32 pages)
{
	struct ring_slot *slots = calloc(pages, sizeof(*slots));

	assert_non_null(slots);
	return slots;
}

/* Kept for the next ring: thousands are made, and fresh memory is dear. */
static struct ring_page *kept[256];
static u32 nr_kept;

static struct ring_page *new_page(void)
{
	struct ring_page *page = nr_kept ? kept[--nr_kept] : aligned_alloc(RING_PAGE_SIZE, RING_PAGE_SIZE);

	assert_non_null(page);
	memset(page, 0xa5, sizeof(*page));
	return page;
}

static void put_page(struct ring_page *page)
{
	assert_true(nr_kept < ARRAY_SIZE(kept));
	kept[nr_kept++] = page;
}

static void forget_what_was_read(struct fixture *f)
{
	f->events = f->lost = f->last_time = 0;
	for (u32 i = 0; i < FIXTURE_LEVELS; i++)
		f->last_number[i] = -1;
}

void fixture_begin(struct fixture *f, u32 pages, bool overwrite)
{
	struct ring_slot *slots = new_slots(pages);

	memset(f, 0, sizeof(*f));
	for (u32 i = 0; i < pages; i++)
		slots[i].page = new_page();
	f->ring.overwrite = overwrite;
	ring_init(&f->ring, slots, pages);
	forget_what_was_read(f);
}

void fixture_end(struct fixture *f)
{
	for (u32 i = 0; i < f->ring.nr_slots; i++)
		put_page(f->ring.slots[i].page);
	free(f->ring.slots);
}

void fixture_resize(struct fixture *f, u32 pages)
{
	struct ring_slot *old = f->ring.slots;
	struct ring_page *spare[256];
	u32 old_pages = f->ring.nr_slots;

	for (u32 i = old_pages; i < pages; i++)
		spare[i - old_pages] = new_page();
	ring_resize(&f->ring, new_slots(pages), pages, spare);
	for (u32 i = pages; i < old_pages; i++)
		put_page(spare[i - pages]);
	free(old);
}

static u32 mixed(u32 level, u32 number, u32 i)
{
	return (number * 4 + level) * 0x9e3779b1u ^ i * 0x85ebca6bu;
}
static u32 words_of(u32 level, u32 number, u32 max_words)
{
	return mixed(level, number, 77) % (max_words + 1);
}

/* Not torn even for a moment that a reader could see: filled word by word. */
static struct fixture_event *begin_event(struct fixture *f, u32 level, u32 max_words, u32 *size)
{
	u32 number = (u32)f->attempts[level]++, words = words_of(level, number, max_words);
	struct fixture_event *e;

	*size = (u32)sizeof(*e) + words * 4;
	e = ring_reserve(&f->ring, *size);
	if (!e)
		return NULL;
	e->level = level;
	e->number = number;
	e->words = words;
	for (u32 i = 0; i < words; i++)
		e->word[i] = mixed(level, number, i);
	return e;
}

void fixture_write(struct fixture *f, u32 level, u32 max_words)
{
	u32 size;

	if (!begin_event(f, level, max_words, &size))
		return;
	ring_commit(&f->ring);
	f->written[level]++;
}

void fixture_discard(struct fixture *f, u32 level, u32 max_words)
{
	u32 size;
	void *e = begin_event(f, level, max_words, &size);

	if (!e)
		return;
	ring_discard(&f->ring, e, size);
	f->discarded++;
}

static void check_event(struct fixture *f, const void *data, u32 size, u64 time)
{
	const struct fixture_event *e = data;

	assert_true(size >= sizeof(*e));
	assert_true(e->level < FIXTURE_LEVELS);
	assert_int_equal(size, sizeof(*e) + e->words * 4);
	assert_true((s64)e->number > f->last_number[e->level]);
	f->last_number[e->level] = e->number;
	for (u32 i = 0; i < e->words; i++)
		if (e->word[i] != mixed(e->level, e->number, i))
			fail_msg("event %u of level %u is torn at word %u of %u", e->number, e->level, i,
				 e->words);
	assert_true(time >= f->last_time);
	f->last_time = time;
	f->events++;
}

bool fixture_read(struct fixture *f, struct ring_reader *rd)
{
	const struct ring_record *rec = ring_reader_peek(rd);
	struct ring_record seen;
	u8 data[RING_PAGE_SIZE] __aligned(8);

	if (!rec)
		return false;
	seen = *rec;
	memcpy(data, rec->data, rec->size);
	if (!ring_reader_take(rd))
		return true;
	f->lost += seen.lost;
	check_event(f, data, seen.size, seen.time);
	return true;
}

/* From here on nothing is the kernel's: u64 time, u64 commit, records. */
static u32 get32(const u8 *p) { return p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24; }
static u64 get64(const u8 *p) { return get32(p) | (u64)get32(p + 4) << 32; }

static void decode_page(struct fixture *f, const u8 *page)
{
	u64 time = get64(page), commit = get64(page + 8);
	u32 bytes = commit & 0xfffff, at = 0, n = 0;

	assert_true(bytes <= 4080);
	assert_int_equal(commit >> 32, 0);
	if (commit & 1u << 30) {
		assert_true(commit & 1u << 31);
		f->lost += get64(page + 16 + bytes);
	} else if (commit & 1u << 31) {
		assert_true(bytes > 4072);
		f->lost += 1u << 31; /* nobody knows how many: the caller must not count */
	}
	while (at < bytes) {
		const u8 *p = page + 16 + at;
		u32 type = get32(p) & 31, delta = get32(p) >> 5;

		n++;
		if (type == 30) {
			time += delta + ((u64)get32(p + 4) << 27);
			at += 8;
		} else if (type == 31) {
			time = delta | (u64)get32(p + 4) << 27;
			at += 8;
		} else if (type == 29) {
			time += delta;
			assert_true(delta != 0);
			at += 4 + get32(p + 4);
		} else if (type == 0) {
			time += delta;
			check_event(f, p + 8, get32(p + 4) - 4, time);
			at += 4 + get32(p + 4);
		} else {
			time += delta;
			check_event(f, p + 4, type * 4, time);
			at += 4 + type * 4;
		}
	}
	assert_int_equal(at, bytes);
	assert_true(n > 0);
}

bool fixture_read_page(struct fixture *f, struct ring_reader *rd)
{
	if (!ring_reader_take_page(rd))
		return false;
	decode_page(f, (const u8 *)rd->copy);
	return true;
}

void fixture_conserved(struct fixture *f)
{
	u64 attempts = 0, written = 0;
	struct ring_stats s;

	for (u32 i = 0; i < FIXTURE_LEVELS; i++) {
		attempts += f->attempts[i];
		written += f->written[i];
	}
	ring_stats(&f->ring, &s);
	assert_int_equal(f->ring.nest, 0);
	assert_int_equal(attempts, written + f->discarded + s.dropped + s.commit_overrun);
	/* What was taken back between others counts as an event that was read and shows nothing. */
	assert_true(s.read + s.overrun + s.entries >= written);
	assert_true(s.read + s.overrun + s.entries <= written + f->discarded);
	assert_true(s.read >= f->events);
	if (!f->discarded)
		assert_int_equal(s.read, f->events);
	assert_int_equal(f->lost, s.overrun);
	assert_int_equal(s.entries, 0);
	assert_int_equal(s.bytes, 0);
}
