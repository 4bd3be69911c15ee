/* What visible code says of hidden code: whom it calls, and whose address it takes. */
#include "tools/noinstr-check/zydis.h"

/* A number in visible code that is a hidden function's address: it may be called through a pointer. */
static void address_taken(struct image *img, const struct fn *by, u64 value)
{
	struct fn *f = image_fn_at(img, value);

	if (f && f->sec != SEC_TEXT && f->addr == value &&
	    (!f->taken_by || lines_in_tests(f->taken_by->addr)))
		f->taken_by = by;
}

static void address_in_data(struct image *img, u64 value)
{
	static const struct fn data = { .name = "data" };
	struct fn *f = image_fn_at(img, value);

	if (f && f->sec != SEC_TEXT && f->addr == value && !f->taken_by)
		f->taken_by = &data;
}

static void visible_insn(struct image *img, const struct fn *by, u64 addr, const ZydisDecodedInstruction *i)
{
	u64 to = addr + i->length + (u64)i->raw.imm[0].value.s;
	struct fn *f;

	if (!i->raw.imm[0].is_relative) {
		if (i->raw.imm[0].size >= 32)
			address_taken(img, by, (u64)i->raw.imm[0].value.s);
		if (i->raw.disp.size == 32)
			address_taken(img, by, addr + i->length + (u64)i->raw.disp.value);
		return;
	}
	f = image_fn_at(img, to);
	if (!f || f->sec == SEC_TEXT)
		return;
	if (f->addr != to)
		problem(addr, "middle", by->name, "visible %s() goes into the middle of hidden %s()",
			by->name, f->name);
	if (!f->visible_caller || lines_in_tests(f->visible_caller->addr))
		f->visible_caller = by;
}

/* Visible functions are read from end to end: what isn't an instruction (tests have such) is stepped over. */
void decode_visible(struct image *img)
{
	for (size_t n = 0; n < img->nr_fns; n++) {
		const struct fn *f = &img->fns[n];
		ZydisDecodedInstruction i;

		if (f->sec != SEC_TEXT)
			continue;
		for (u64 addr = f->addr; addr < f->addr + f->size;) {
			size_t max = f->addr + f->size - addr;
			const u8 *bytes = image_bytes(img, addr, &max);

			if (!bytes ||
			    !ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(decoder(), NULL, bytes, max, &i))) {
				addr++;
				continue;
			}
			visible_insn(img, f, addr, &i);
			addr += i.length;
		}
	}
	image_data_words(img, address_in_data);
}
