/* Lines that a filter keeps until the end, one behind the other, each with a NUL. */
#pragma once

#include "user/sh/filter.h"

/* False: there is no memory; then the filter has failed, and says so. */
bool keep_line(struct filter *f, const char *text, size_t len);
/* The first @bytes. */
void keep_drop(struct filter *f, size_t bytes);
