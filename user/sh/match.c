/* A pattern is matched from each place of the text, an element of it at a time; a star tries the longest first. */
#include "user/sh/match.h"

#include "lib/string.h"

static int lower(int c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; }

/* Where the set that begins at @p ends: at its ']'; NULL: nowhere. A ']' that comes first belongs to it. */
static const char *set_end(const char *p)
{
	p += p[1] == '^' ? 2 : 1;
	return *p ? strchr(p + 1, ']') : NULL;
}

/* How many bytes the first element of a pattern has, without a star. */
static size_t element(const char *p)
{
	const char *end = *p == '[' ? set_end(p) : NULL;

	if (end)
		return (size_t)(end - p) + 1;
	return *p == '\\' && p[1] ? 2 : 1;
}

static bool in_set(const char *p, int c, bool fold)
{
	const char *end = set_end(p);
	bool inverted = p[1] == '^', found = false;

	for (p += inverted ? 2 : 1; p < end; p++) {
		int from = (u8)*p, to = from;

		if (p[1] == '-' && p + 2 < end) {
			to = (u8)p[2];
			p += 2;
		}
		found |= c >= from && c <= to;
		found |= fold && lower(c) >= lower(from) && lower(c) <= lower(to);
	}
	return found != inverted;
}

static bool one(const char *p, int c, bool fold)
{
	if (!c)
		return false;
	if (*p == '.')
		return true;
	if (*p == '[' && set_end(p))
		return in_set(p, c, fold);
	if (*p == '\\' && p[1])
		p++;
	return (u8)*p == c || (fold && lower((u8)*p) == lower(c));
}

static bool here(const char *p, const char *text, bool fold)
{
	while (*p) {
		size_t len = element(p), n = 0;

		if (p[len] == '*') {
			while (one(p, (u8)text[n], fold))
				n++;
			for (;; n--) {
				if (here(p + len + 1, text + n, fold))
					return true;
				if (!n)
					return false;
			}
		}
		if (*p == '$' && !p[1])
			return !*text;
		if (!one(p, (u8)*text, fold))
			return false;
		p += len;
		text++;
	}
	return true;
}

bool regex_match(const char *pattern, const char *text, bool ignore_case)
{
	if (*pattern == '^')
		return here(pattern + 1, text, ignore_case);
	do
		if (here(pattern, text, ignore_case))
			return true;
	while (*text++);
	return false;
}
