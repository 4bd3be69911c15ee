/* The integer types every file speaks in, taken from the compiler's freestanding headers so host and kernel agree. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#ifndef __ssize_t_defined
#define __ssize_t_defined
typedef long ssize_t;
#endif
