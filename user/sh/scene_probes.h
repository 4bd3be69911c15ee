/* The probes of scenes, whose group is "tour". */
#pragma once

#include "lib/types.h"

bool scene_probes_exist(void);
/* Disables and removes them; what can't be removed stays. */
void scene_probes_remove(void);
