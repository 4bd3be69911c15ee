/* Switching static keys, and knowing their sites. What asks them is in lib/static_key.h. */
#pragma once

#include "lib/static_key.h"

/* Boot, once: sorts the sites, and panics when one isn't a nop or lies where no int3 may be. */
void static_key_init(void);
/* Any context. Does one of the five bytes of a site lie at @addr? */
bool static_site_at(u64 addr);
