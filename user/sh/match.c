/*
 * A pattern is followed from each place of the text at once, an element of it at a time: so what it takes is no more than the one's length times
 * the other's, whatever stars are in it.
 */
#include "user/sh/match.h"

#include "lib/compiler.h"
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

/* In a pattern, each before an element or at the end: where those may be who have followed it through the text so far. */
struct places {
	u64 bits[PATTERN_MAX / 64];
	size_t last;
};

static bool is_in(const struct places *s, size_t at) { return s->bits[at / 64] >> at % 64 & 1; }

static bool has_star(const char *p, size_t at) { return p[at] && p[at + element(p + at)] == '*'; }

/* Who is before an element with a star is behind it, too. */
static void enter(struct places *s, const char *p, size_t at)
{
	s->bits[at / 64] |= 1ul << at % 64;
	while (has_star(p, at)) {
		at += element(p + at) + 1;
		s->bits[at / 64] |= 1ul << at % 64;
	}
	s->last = max(s->last, at);
}

static bool is_end(const char *p, bool text_ends) { return !*p || (text_ends && *p == '$' && !p[1]); }

/* Over one character of the text. True: somebody was through before that. */
static bool follow(struct places *s, const char *p, int c, bool fold)
{
	struct places next = { .last = 0 };

	for (size_t at = 0, len; at <= s->last; at += len) {
		bool star = has_star(p, at);

		if (is_in(s, at) && !star && is_end(p + at, !c))
			return true;
		if (!p[at])
			break;
		len = element(p + at);
		if (is_in(s, at) && (star || !is_end(p + at, true)) && one(p + at, c, fold))
			enter(&next, p, star ? at : at + len);
		len += star;
	}
	*s = next;
	return false;
}

bool regex_match(const char *pattern, const char *text, bool ignore_case)
{
	bool anchored = *pattern == '^';
	struct places s = { .last = 0 };

	pattern += anchored;
	enter(&s, pattern, 0);
	do {
		if (follow(&s, pattern, (u8)*text, ignore_case))
			return true;
		if (!anchored)
			enter(&s, pattern, 0);
	} while (*text++);
	return false;
}
