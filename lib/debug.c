/* The key that "debug" switches. */
#include "lib/debug.h"

struct static_key debug_key;
