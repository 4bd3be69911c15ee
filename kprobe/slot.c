/* Out-of-line slots: pages that are executable and never writable, one more when the last is full; two copies a slot. */
#include "abi/errno.h"
#include "arch/x86/mm/text_poke.h"
#include "kprobe/internal.h"
#include "lib/bitmap.h"
#include "lib/bug.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/vmem.h"

#define SLOTS_A_PAGE (PAGE_SIZE / SLOT_SIZE)
#define MAX_PAGES    (MAX_SLOTS / SLOTS_A_PAGE)
#define JUMP_SIZE    5

static_assert(INSN_MAX_LENGTH + JUMP_SIZE <= SLOT_STEP, "a copy and a jump behind it");
static_assert(INSN_MAX_LENGTH < SLOT_SIZE - SLOT_STEP, "a copy and at least one int3 behind it");
static_assert(SLOTS_A_PAGE == 64, "a page's slots are the bits of a word");

/* Slots are taken under kprobe_mutex, and given back under nothing. */
static struct {
	u64 used;
	struct kprobe_site **owners;
} pages[MAX_PAGES];
static size_t nr_pages;

static int add_page(void)
{
	struct kprobe_site **owners;

	if (nr_pages == MAX_PAGES)
		return -ENOSPC;
	owners = kzalloc(SLOTS_A_PAGE * sizeof(void *));
	if (!owners)
		return -ENOMEM;
	if (text_page_alloc(SLOT_AREA + nr_pages * PAGE_SIZE, INT3_BYTE) != 0) {
		kfree(owners);
		return -ENOMEM;
	}
	pages[nr_pages].owners = owners;
	__atomic_store_n(&nr_pages, nr_pages + 1, __ATOMIC_RELEASE);
	return 0;
}

void slot_init(void)
{
	if (add_page() != 0)
		panic("boot: no memory for the probe slots");
}

static u8 *slot_at(size_t page, unsigned n) { return (u8 *)(SLOT_AREA + page * PAGE_SIZE + n * SLOT_SIZE); }

static u8 *take(struct kprobe_site *s)
{
	for (size_t i = 0; i < nr_pages; i++) {
		u64 free = ~READ_ONCE(pages[i].used);
		unsigned n;

		if (!free)
			continue;
		n = (unsigned)__builtin_ctzl(free);
		__atomic_fetch_or(&pages[i].used, 1ul << n, __ATOMIC_ACQUIRE);
		pages[i].owners[n] = s;
		return slot_at(i, n);
	}
	return NULL;
}

struct kprobe_site *slot_owner(u64 ip)
{
	size_t page = (ip - SLOT_AREA) / PAGE_SIZE;

	if (page >= __atomic_load_n(&nr_pages, __ATOMIC_ACQUIRE))
		return NULL;
	return READ_ONCE(pages[page].owners[ip % PAGE_SIZE / SLOT_SIZE]);
}

/* The instruction as it must be at @at: in reach of all text, as slots are in the top 2 GiB, too. */
static void copy_to(u8 *copy, const struct kprobe_site *s, u64 at)
{
	u8 bytes[INSN_MAX_LENGTH] = NOP5;

	if (!s->entry) /* that may be a call just now */
		memcpy(bytes, (const void *)s->addr, s->length);
	BUG_ON(insn_copy(copy, bytes, &s->insn, s->addr, at) != 0);
}

static void fill(struct kprobe_site *s)
{
	u64 slot = (u64)s->slot, length = s->length;
	s32 back = (s32)(s->addr - slot - JUMP_SIZE); /* as both ends lie as far behind the instruction */
	u8 code[SLOT_SIZE];

	memset(code, INT3_BYTE, sizeof(code));
	copy_to(code, s, slot);
	code[length] = JMP32_BYTE;
	memcpy(code + length + 1, &back, sizeof(back));
	copy_to(code + SLOT_STEP, s, slot + SLOT_STEP);
	s->moved = s->addr - (u64)step_copy(s);
	text_poke(s->slot, code, sizeof(code));
}

int slot_alloc(struct kprobe_site *s, const char **why)
{
	int err = 0;

	if (!insn_can_step(&s->insn))
		return 0;
	s->slot = take(s);
	if (!s->slot) {
		err = add_page();
		if (!err)
			s->slot = take(s);
	}
	if (!s->slot && err == -ENOSPC) {
		kprobe_flush();
		s->slot = take(s);
	}
	if (!s->slot) {
		*why = "All out-of-line slots are taken";
		return err;
	}
	fill(s);
	return 0;
}

void slot_free(u8 *slot)
{
	size_t page = ((u64)slot - SLOT_AREA) / PAGE_SIZE;
	unsigned n = (u64)slot % PAGE_SIZE / SLOT_SIZE;
	u8 int3s[SLOT_SIZE];

	WRITE_ONCE(pages[page].owners[n], NULL);
	memset(int3s, INT3_BYTE, sizeof(int3s));
	text_poke(slot, int3s, SLOT_SIZE);
	__atomic_fetch_and(&pages[page].used, ~(1ul << n), __ATOMIC_RELEASE);
}

size_t kprobe_slots_free(void)
{
	size_t n = MAX_SLOTS;

	mutex_lock(&kprobe_mutex);
	kprobe_flush();
	for (size_t i = 0; i < nr_pages; i++)
		n -= bitmap_count(&pages[i].used, SLOTS_A_PAGE);
	mutex_unlock(&kprobe_mutex);
	return n;
}
