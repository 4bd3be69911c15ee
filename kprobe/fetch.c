/* Arguments of probe events fetched: from any address, in any context, and what can't be read is nothing. */
#include "kprobe/fetch.h"

#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smap.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/wx.h"
#include "context/context.h"
#include "lib/string.h"
#include "mm/space.h"
#include "sched/thread.h"

#define ERROR_USER 4 /* of a page fault's error code (SDM vol. 3, figure 4-12) */

/* Reading a device's register can change it: the local APIC's are the only ones mapped. */
static bool is_device(u64 addr, size_t len) { return addr + len > APIC_VA && addr < APIC_VA + PAGE_SIZE; }

static bool load_user(u64 addr, size_t size, u64 *out)
{
	int err;

	user_access_begin();
	err = kernel_load_nofault(out, (const void *)addr, size);
	user_access_end();
	return err == 0;
}

/* Whoever was hit in user mode holds no lock, and a page of his that nobody has touched yet can be made. */
static bool make_page(const struct pt_regs *regs, u64 addr)
{
	struct user_half *u = current()->user;

	return u && user_mode(regs) && !in_nmi() && space_fault(u->space, addr, ERROR_USER) == 0;
}

/* In the middle of a poke, as an NMI may be, the lower half is no user's: what is there is the alias of text. */
static bool is_alias(u64 addr) { return (s64)addr >= 0 && read_cr3() == text_poke_root(); }

/* The @size bytes at @addr as a number. */
static bool load(const struct pt_regs *regs, u64 addr, size_t size, bool user, u64 *out)
{
	*out = 0;
	if (is_alias(addr))
		return false;
	if (!user)
		return !is_device(addr, size) && kernel_load_nofault(out, (const void *)addr, size) == 0;
	if (addr >= USER_END - size)
		return false;
	return load_user(addr, size, out) ||
	       (make_page(regs, addr) && make_page(regs, addr + size - 1) && load_user(addr, size, out));
}

static bool evaluate(const struct probe_arg *a, const struct pt_regs *regs, u64 *out)
{
	u64 v = 0;

	for (const struct fetch_op *op = a->ops; op < a->ops + a->nr_ops; op++) {
		switch (op->kind) {
		case FETCH_REG:
			v = *(const u64 *)((const u8 *)regs + op->value);
			break;
		case FETCH_IMM:
			v = op->value;
			break;
		case FETCH_COMM:
			v = (u64)current()->comm;
			break;
		case FETCH_TEXT:
			v = (u64)a->string;
			break;
		case FETCH_ADD:
			v += op->value;
			break;
		default:
			if (!load(regs, v + op->value, sizeof(v), op->kind == FETCH_ULOAD, &v))
				return false;
		}
	}
	*out = v;
	return true;
}

/* Its length with the NUL, which is there even if there was room for a part only; 0: it can't be read. */
static u32 copy_string(const struct pt_regs *regs, u8 *to, u32 room, u64 from, bool user)
{
	u64 c = 1;
	u32 n = 0;

	for (; n < room && c; n++) {
		if (!load(regs, from + n, 1, user, &c))
			return 0;
		to[n] = (u8)c;
	}
	if (n)
		to[n - 1] = 0;
	return n;
}

static u32 store_string(const struct pt_regs *regs, u8 *field, u64 from, bool user, u8 *record, u32 end)
{
	u32 room = min(PROBE_RECORD_MAX - end, (u32)FETCH_STRING_MAX);
	u32 len = from ? copy_string(regs, record + end, room, from, user) : 0, place = len << 16 | end;

	memcpy(field, &place, sizeof(place));
	return end + len;
}

static void store_number(const struct probe_arg *a, u8 *field, u64 v)
{
	u32 unused = 64 - 8u * a->type->size;

	if (a->shift_right || a->shift_left)
		v = v << a->shift_left << unused >> unused >> a->shift_right;
	memcpy(field, &v, a->type->size);
}

u32 fetch_store(const struct probe_arg *a, const struct pt_regs *regs, u8 *record, u32 end)
{
	u8 *field = record + a->offset;
	bool string = fetch_is_string(a);
	u64 v, base;

	if (!evaluate(a, regs, &base)) {
		memset(field, 0, a->size);
		return end;
	}
	for (unsigned i = 0; i < (a->count ?: 1); i++, field += a->type->size) {
		v = base;
		if (string && a->count) /* of pointers to them */
			load(regs, base + i * sizeof(u64), sizeof(v), a->user, &v);
		else if (a->memory && !string)
			load(regs, base + i * a->type->size, a->type->size, a->user, &v);
		if (string)
			end = store_string(regs, field, v, a->user_text, record, end);
		else
			store_number(a, field, v);
	}
	return end;
}
