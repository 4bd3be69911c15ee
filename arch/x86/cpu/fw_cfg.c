/* fw_cfg through its two ports: select a key, then read bytes; a directory gives each name's key. */
#include "arch/x86/cpu/fw_cfg.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "lib/string.h"

#define PORT_SELECT   0x510
#define PORT_DATA     0x511
#define KEY_SIGNATURE 0x0000
#define KEY_DIRECTORY 0x0019

struct entry { /* numbers are big-endian */
	u32 size;
	u16 key, reserved;
	char name[56];
};
static_assert(sizeof(struct entry) == 64, "a directory entry");

static void read_bytes(void *buf, size_t n)
{
	u8 *p = buf;

	for (size_t i = 0; i < n; i++)
		p[i] = inb(PORT_DATA);
}

static int find(const char *name, struct entry *e)
{
	char signature[4];
	u32 count;

	outw(PORT_SELECT, KEY_SIGNATURE);
	read_bytes(signature, 4);
	if (memcmp(signature, "QEMU", 4) != 0)
		return -ENODEV;
	outw(PORT_SELECT, KEY_DIRECTORY);
	read_bytes(&count, 4);
	for (u32 left = __builtin_bswap32(count); left; left--) {
		read_bytes(e, sizeof(*e));
		e->name[sizeof(e->name) - 1] = 0;
		if (strcmp(e->name, name) == 0) {
			e->size = __builtin_bswap32(e->size);
			e->key = __builtin_bswap16(e->key);
			return 0;
		}
	}
	return -ENOENT;
}

ssize_t fw_cfg_size(const char *name)
{
	struct entry e;
	int err = find(name, &e);

	return err ? err : (ssize_t)e.size;
}

ssize_t fw_cfg_read(const char *name, void *buf, size_t size)
{
	struct entry e;
	int err = find(name, &e);

	if (err)
		return err;
	if (size > e.size)
		size = e.size;
	outw(PORT_SELECT, e.key);
	read_bytes(buf, size);
	return (ssize_t)size;
}
