/* Asking init. */
#include "user/lib/names.h"

#include "abi/errno.h"
#include "lib/string.h"
#include "user/lib/client.h"
#include "user/lib/user.h"

static s64 ask(u64 label, const char *name, u64 *handle)
{
	struct message m = { .label = label };
	s64 err;

	if (!program()->names || strlen(name) >= sizeof(m.words))
		return -ENOENT;
	memcpy(m.words, name, strlen(name));
	err = client_call(program()->names, &m);
	*handle = m.handle;
	return err;
}

s64 names_find(const char *name)
{
	u64 handle = 0;
	s64 err = ask(NAMES_FIND, name, &handle);

	return err ? err : (s64)handle;
}

s64 names_kill(const char *name)
{
	u64 handle;

	return ask(NAMES_KILL, name, &handle);
}
