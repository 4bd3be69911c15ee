/* QEMU's fw_cfg: named blobs the runner hands to the guest (QEMU docs, specs/fw_cfg). */
#pragma once

#include "lib/types.h"

/* The size of blob @name, or -ENOENT; -ENODEV when there is no fw_cfg at all. */
ssize_t fw_cfg_size(const char *name);
/* Reads up to @size bytes of it; the number read, or as above. */
ssize_t fw_cfg_read(const char *name, void *buf, size_t size);
