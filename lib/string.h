/* The part of <string.h> and <ctype.h> a kernel needs; memory functions are also what GCC itself calls. */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *haystack, const char *needle);
bool str_has_prefix(const char *s, const char *prefix);
/* Are the @len bytes at @text this word? */
static inline bool str_is(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(text, word, len) == 0;
}

/* Copies and always terminates; returns the length copied, or -1 if @src did not fit (@dst then holds what did). */
ssize_t strscpy(char *dst, const char *src, size_t size);

static inline bool isspace(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static inline bool isdigit(int c) { return c >= '0' && c <= '9'; }
static inline bool isprint(int c) { return c >= 0x20 && c < 0x7f; }
static inline bool isalpha(int c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
static inline bool isalnum(int c) { return isalpha(c) || isdigit(c); }

/*
 * Reads a whole number: base 0 takes C's prefixes (0x, 0). The whole of [s, s+len) must be the
 * number; false on anything else or on overflow, and @out is then unchanged.
 */
bool parse_u64(const char *s, size_t len, unsigned base, u64 *out);
