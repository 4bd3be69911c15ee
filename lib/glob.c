/*
 * Glob matching with one saved position: when the text after a '*' does not match, only the last '*'
 * need take one character more (an earlier one would reach nothing new), so the cost is at worst
 * pattern times text and no recursion is needed.
 */
#include "lib/glob.h"

/* One character of a class, escaped or plain. */
static char class_char(const char **p)
{
	if (**p == '\\' && (*p)[1])
		(*p)++;
	return *(*p)++;
}

/* The rest of a class, @p behind its '['. Returns what follows ']', or NULL when there is none: then '[' is
 * itself. */
static const char *match_class(const char *p, char c, bool *matched)
{
	bool negated = *p == '!', found = false;
	const char *first = negated ? ++p : p;

	/* A ']' that comes first is a member. */
	while (*p != ']' || p == first) {
		u8 low, high;

		if (!*p)
			return NULL;
		low = high = class_char(&p);
		if (p[0] == '-' && p[1] && p[1] != ']') {
			p++;
			high = class_char(&p);
		}
		found |= low <= (u8)c && (u8)c <= high;
	}
	*matched = found != negated;
	return p + 1;
}

/* Matches one character against the pattern element at @p, which is no '*'; what follows the element, or
 * NULL. */
static const char *match_one(const char *p, char c)
{
	const char *after;
	bool matched;

	switch (*p) {
	case '\0':
		return NULL;
	case '?':
		return p + 1;
	case '[':
		after = match_class(p + 1, c, &matched);
		if (after)
			return matched ? after : NULL;
		break;
	case '\\':
		if (p[1])
			p++;
		break;
	}
	return *p == c ? p + 1 : NULL;
}

bool glob_match(const char *pattern, const char *text)
{
	const char *after_star = NULL, *star_text = NULL;

	while (*text) {
		const char *next;

		if (*pattern == '*') {
			after_star = ++pattern;
			star_text = text;
			continue;
		}
		next = match_one(pattern, *text);
		if (next) {
			pattern = next;
			text++;
		} else if (after_star) {
			pattern = after_star;
			text = ++star_text;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}
