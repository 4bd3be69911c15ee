/*
 * Memory and text, byte by byte or by string instruction.
 *
 * The four memory functions are __kprobes: GCC calls them behind the author's back for any large
 * structure, so also from trap handlers and from the probe machinery, where a traced or probed
 * function would recurse.
 */
#include "lib/string.h"

/* A word at any address that may alias anything, for moving 8 bytes at a time. */
typedef u64 loose_word __attribute__((__may_alias__, __aligned__(1)));

/* Also right for overlapping areas with @dst below @src: every word is read before anything writes over it.
 */
void *__kprobes memcpy(void *dst, const void *src, size_t n)
{
	void *to = dst;
	size_t words = n / 8, bytes = n % 8;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(src), "+c"(words)::"memory");
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(src), "+c"(bytes)::"memory");
	return dst;
}

/* Downwards in C, not with the direction flag: a trap in between would run C code with the flag set. */
void *__kprobes memmove(void *dst, const void *src, size_t n)
{
	char *to = dst;
	const char *from = src;

	if ((uintptr_t)dst - (uintptr_t)src >= n)
		return memcpy(dst, src, n);
	while (n >= 8) {
		n -= 8;
		*(loose_word *)(to + n) = *(const loose_word *)(from + n);
	}
	while (n) {
		n--;
		to[n] = from[n];
	}
	return dst;
}

void *__kprobes memset(void *dst, int c, size_t n)
{
	void *to = dst;
	u64 fill = (u8)c * 0x0101010101010101ull;
	size_t words = n / 8, bytes = n % 8;

	__asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(fill) : "memory");
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(fill) : "memory");
	return dst;
}

int __kprobes memcmp(const void *a, const void *b, size_t n)
{
	const u8 *p = a, *q = b;

	while (n >= 8 && *(const loose_word *)p == *(const loose_word *)q) {
		p += 8;
		q += 8;
		n -= 8;
	}
	for (; n; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

size_t strlen(const char *s)
{
	const char *end = s;

	while (*end)
		end++;
	return end - s;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (!*a || *a != *b)
			return (u8)*a - (u8)*b;
	return 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	do {
		if (*s == (char)c)
			last = s;
	} while (*s++);
	return (char *)last;
}

char *strstr(const char *haystack, const char *needle)
{
	do {
		if (str_has_prefix(haystack, needle))
			return (char *)haystack;
	} while (*haystack++);
	return NULL;
}

bool str_has_prefix(const char *s, const char *prefix)
{
	for (; *prefix; s++, prefix++)
		if (*s != *prefix)
			return false;
	return true;
}

ssize_t strscpy(char *dst, const char *src, size_t size)
{
	size_t n = strnlen(src, size);
	bool fits = n < size;

	if (!size)
		return -1;
	if (!fits)
		n = size - 1;
	memcpy(dst, src, n);
	dst[n] = '\0';
	return fits ? (ssize_t)n : -1;
}

/* The value of a digit in any base up to 36; 36 for what is no digit. */
static unsigned digit_value(char c)
{
	if (isdigit(c))
		return c - '0';
	return isalpha(c) ? (unsigned)(c | 0x20) - 'a' + 10 : 36;
}

static bool has_hex_prefix(const char *s, size_t len)
{
	return len >= 2 && s[0] == '0' && (s[1] | 0x20) == 'x';
}

bool parse_u64(const char *s, size_t len, unsigned base, u64 *out)
{
	const char *end = s + len;
	u64 value = 0;

	if ((base == 0 || base == 16) && has_hex_prefix(s, len)) {
		s += 2;
		base = 16;
	} else if (base == 0) {
		base = len && *s == '0' ? 8 : 10;
	}
	if (s == end || base < 2 || base > 36)
		return false;
	for (; s < end; s++) {
		unsigned digit = digit_value(*s);

		if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	*out = value;
	return true;
}

void *memchr(const void *s, int c, size_t n)
{
	const u8 *p = s;

	for (size_t i = 0; i < n; i++)
		if (p[i] == (u8)c)
			return (void *)(p + i);
	return NULL;
}
