/* What scenes change of the control files: it is as at boot while they are played, and as it was before afterwards. */
#pragma once

#include "lib/seq.h"

/*
 * Remembers each setting, and sets it to what it is at boot; says which ones it had to. 0, or -errno, which has been told: then
 * nothing is changed. -EINTR when nobody reads @out any more.
 */
int settings_set_aside(const struct seq *out);
/* As they were set aside: where a scene ended too early. */
void settings_as_at_boot(void);
/* As they were before; says so of those that had been set aside. 0, or -EIO where that wasn't possible, which has been told. */
int settings_put_back(void);
