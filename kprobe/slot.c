/*
 * Slots in pages that are executable and never writable, one more when the last is full: of copies, two a slot, and of
 * detours.
 */
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
static_assert(SLOTS_A_PAGE <= 64 && DETOURS_A_PAGE <= 64, "a page's slots are the bits of a word");

static struct slot_page copy_pages[MAX_PAGES], detour_pages[MAX_DETOURS / DETOURS_A_PAGE];
static struct slots copies = {
	.area = SLOT_AREA, .size = SLOT_SIZE, .pages = copy_pages, .max = ARRAY_SIZE(copy_pages)
};
struct slots detours = {
	.area = DETOUR_AREA, .size = DETOUR_SIZE, .pages = detour_pages, .max = ARRAY_SIZE(detour_pages)
};

static size_t slots_a_page(const struct slots *k) { return PAGE_SIZE / k->size; }

static int add_page(struct slots *k)
{
	struct kprobe_site **owners;

	if (k->nr == k->max)
		return -ENOSPC;
	owners = kzalloc(slots_a_page(k) * sizeof(void *));
	if (!owners)
		return -ENOMEM;
	if (text_page_alloc(k->area + k->nr * PAGE_SIZE, INT3_BYTE) != 0) {
		kfree(owners);
		return -ENOMEM;
	}
	k->pages[k->nr].owners = owners;
	__atomic_store_n(&k->nr, k->nr + 1, __ATOMIC_RELEASE);
	return 0;
}

void slot_init(void)
{
	if (add_page(&copies) != 0 || add_page(&detours) != 0)
		panic("boot: no memory for the probe slots");
}

static u8 *take_free(struct slots *k, struct kprobe_site *s)
{
	for (size_t i = 0; i < k->nr; i++) {
		unsigned n = (unsigned)__builtin_ctzl(~READ_ONCE(k->pages[i].used) | 1ul << 63);

		if (n >= slots_a_page(k) || k->pages[i].used >> n & 1)
			continue;
		__atomic_fetch_or(&k->pages[i].used, 1ul << n, __ATOMIC_ACQUIRE);
		k->pages[i].owners[n] = s;
		return (u8 *)(k->area + i * PAGE_SIZE + n * k->size);
	}
	return NULL;
}

u8 *slots_take(struct slots *k, struct kprobe_site *s, int *err)
{
	u8 *slot = take_free(k, s);

	if (slot)
		return slot;
	*err = add_page(k);
	return *err ? NULL : take_free(k, s);
}

void slots_give(struct slots *k, u8 *slot)
{
	size_t page = ((u64)slot - k->area) / PAGE_SIZE, n = (u64)slot % PAGE_SIZE / k->size;
	u8 int3s[DETOUR_SIZE];

	WRITE_ONCE(k->pages[page].owners[n], NULL);
	memset(int3s, INT3_BYTE, sizeof(int3s));
	text_poke(slot, int3s, k->size);
	__atomic_fetch_and(&k->pages[page].used, ~(1ul << n), __ATOMIC_RELEASE);
}

notrace struct kprobe_site *slots_owner(const struct slots *k, u64 ip)
{
	size_t page = (ip - k->area) / PAGE_SIZE, n = ip % PAGE_SIZE / k->size;

	if (page >= __atomic_load_n(&k->nr, __ATOMIC_ACQUIRE) || n >= slots_a_page(k))
		return NULL;
	return READ_ONCE(k->pages[page].owners[n]);
}
notrace struct kprobe_site *slot_owner(u64 ip) { return slots_owner(&copies, ip); }

/* The instruction as it must be at @at: in reach of all text, as slots are in the top 2 GiB, too. */
static void copy_to(u8 *copy, const struct kprobe_site *s, u64 at)
{
	u8 bytes[INSN_MAX_LENGTH] = NOP5;

	if (!s->entry) /* that may be a call just now */
		memcpy(bytes, (const void *)s->addr, s->length);
	BUG_ON(insn_copy(copy, bytes, &s->insn, s->addr, at) != 0);
}

/* ff /2 and ff /4 become ff /6. */
static bool can_push(const struct insn *insn)
{
	return (insn->class == INSN_CALL_IND || insn->class == INSN_JMP_IND) && modrm_mod(insn) != 3 &&
	       !insn->operand16;
}
static void make_push(u8 *copy, const struct insn *insn)
{
	u8 *modrm = copy + insn->prefix_bytes + (insn->rex != 0) + 1;

	*modrm = (u8)((*modrm & 0xc7) | 6 << 3);
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
	if (s->fix == FIX_PUSHED)
		make_push(code + SLOT_STEP, &s->insn);
	s->moved = s->addr - (u64)step_copy(s);
	text_poke(s->slot, code, sizeof(code));
}

int slot_alloc(struct kprobe_site *s, const char **why)
{
	int err = 0;

	s->fix = can_push(&s->insn) ? FIX_PUSHED : insn_fixes(&s->insn);
	if (!insn_can_step(&s->insn))
		return 0;
	s->slot = slots_take(&copies, s, &err);
	if (!s->slot && err == -ENOSPC) {
		kprobe_flush();
		s->slot = take_free(&copies, s);
	}
	if (!s->slot) {
		*why = "All out-of-line slots are taken";
		return err;
	}
	fill(s);
	return 0;
}

void slot_free(u8 *slot) { slots_give(&copies, slot); }

size_t kprobe_slots_free(void)
{
	size_t n = MAX_SLOTS;

	mutex_lock(&kprobe_mutex);
	kprobe_flush();
	for (size_t i = 0; i < copies.nr; i++)
		n -= bitmap_count(&copies.pages[i].used, SLOTS_A_PAGE);
	mutex_unlock(&kprobe_mutex);
	return n;
}
