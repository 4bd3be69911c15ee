/* What every control file's writer needs: the number between the white space. */
#include "lib/ctl.h"

#include "lib/string.h"

bool ctl_parse_u64(const char *text, size_t len, u64 *out)
{
	while (len && isspace(text[0])) {
		text++;
		len--;
	}
	while (len && isspace(text[len - 1]))
		len--;
	return parse_u64(text, len, 0, out);
}
