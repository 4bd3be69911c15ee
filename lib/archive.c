/* Which format an archive has, and a file in it by name. */
#include "lib/archive.h"

#include "lib/cpio.h"
#include "lib/string.h"
#include "lib/ustar.h"

const char *archive_plain_name(const char *name)
{
	while (name[0] == '/' || (name[0] == '.' && name[1] == '/'))
		name++;
	return name;
}

int archive_next(const u8 *archive, size_t len, size_t *at, struct archive_file *out, const char **why)
{
	return (ustar_is(archive, len) ? ustar_next : cpio_next)(archive, len, at, out, why);
}

bool archive_find(const u8 *archive, size_t len, const char *name, struct archive_file *out, const char **why)
{
	size_t at = 0;
	int found;

	while ((found = archive_next(archive, len, &at, out, why)) > 0)
		if (strcmp(out->name, name) == 0)
			return true;
	if (!found)
		*why = "the boot module has no such file";
	return false;
}
