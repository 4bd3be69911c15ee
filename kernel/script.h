/* The commands that the runner has sent, for a shell to run. */
#pragma once

#include "lib/types.h"

struct script {
	char *text; /* room for a NUL is behind it */
	size_t bytes, pages;
};

/* Boot context, as all here. Has one been sent? */
bool script_sent(void);
/* It, in pages of its own; false: there is none. One that is too long is a panic, as is having no memory for it. */
bool script_fetch(struct script *s);
void script_free(struct script *s);
