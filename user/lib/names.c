/* Asking init. */
#include "user/lib/names.h"

#include "abi/errno.h"
#include "lib/string.h"
#include "user/lib/client.h"
#include "user/lib/user.h"

s64 names_find(const char *name)
{
	struct message m = { .label = NAMES_FIND };
	s64 err;

	if (!program()->names || strlen(name) >= sizeof(m.words))
		return -ENOENT;
	memcpy(m.words, name, strlen(name));
	err = client_call(program()->names, &m);
	return err ? err : (s64)m.handle;
}
