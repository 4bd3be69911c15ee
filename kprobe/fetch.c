/* Arguments of probe events fetched: from any address, in any context, and what can't be read is nothing. */
#include "kprobe/fetch.h"

#include "arch/x86/cpu/smap.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/paging.h"
#include "lib/string.h"
#include "sched/thread.h"

#define USER_END (1ul << 47)

/* Reading a device's register can change it: the local APIC's are the only ones mapped. */
static bool is_device(u64 addr, size_t len) { return addr + len > APIC_VA && addr < APIC_VA + PAGE_SIZE; }

/* The @size bytes at @addr as a number. */
static bool load(u64 addr, size_t size, bool user, u64 *out)
{
	int err;

	*out = 0;
	if (is_device(addr, size) || (user && addr >= USER_END - size))
		return false;
	if (user)
		user_access_begin();
	err = kernel_load_nofault(out, (const void *)addr, size);
	if (user)
		user_access_end();
	return err == 0;
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
			if (!load(v + op->value, sizeof(v), op->kind == FETCH_ULOAD, &v))
				return false;
		}
	}
	*out = v;
	return true;
}

/* Its length with the NUL, which is there even if there was room for a part only; 0: it can't be read. */
static u32 copy_string(u8 *to, u32 room, u64 from, bool user)
{
	u64 c = 1;
	u32 n = 0;

	for (; n < room && c; n++) {
		if (!load(from + n, 1, user, &c))
			return 0;
		to[n] = (u8)c;
	}
	if (n)
		to[n - 1] = 0;
	return n;
}

static u32 store_string(u8 *field, u64 from, bool user, u8 *record, u32 end)
{
	u32 room = min(PROBE_RECORD_MAX - end, (u32)FETCH_STRING_MAX);
	u32 len = from ? copy_string(record + end, room, from, user) : 0, place = len << 16 | end;

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
			load(base + i * sizeof(u64), sizeof(v), a->user, &v);
		else if (a->memory && !string)
			load(base + i * a->type->size, a->type->size, a->user, &v);
		if (string)
			end = store_string(field, v, a->user_text, record, end);
		else
			store_number(a, field, v);
	}
	return end;
}
