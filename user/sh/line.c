/* The keys: finds them in the bytes of a terminal, and says what each does. */
#include "user/sh/line.h"
#include "user/sh/line_edit.h"
#include "lib/string.h"

#define CTRL(letter) ((letter)-0x40)
#define ESC	     0x1b
#define DEL	     0x7f

void line_init(struct line *l, const struct line_client *client)
{
	memset(l, 0, sizeof(*l));
	l->client = client;
}

void line_start(struct line *l, const char *prompt)
{
	l->prompt = prompt;
	l->text[0] = '\0';
	l->len = l->pos = l->left = 0;
	l->back = 0;
	line_redraw(l);
}

static size_t left_of(const struct line *l) { return l->pos ? l->pos - 1 : 0; }

static size_t right_of(const struct line *l) { return min(l->pos + 1, l->len); }

/* Where the word before the cursor begins; words are what stands between spaces. */
static size_t word_start(const struct line *l)
{
	size_t pos = l->pos;

	while (pos && l->text[pos - 1] == ' ')
		pos--;
	while (pos && l->text[pos - 1] != ' ')
		pos--;
	return pos;
}

static void go_back(struct line *l)
{
	const char *older = history_get(&l->history, l->back + 1);

	if (!older) {
		line_bell(l);
		return;
	}
	if (!l->back)
		strscpy(l->stash, l->text, sizeof(l->stash));
	l->back++;
	line_replace(l, older);
}

static void go_forth(struct line *l)
{
	if (!l->back) {
		line_bell(l);
		return;
	}
	l->back--;
	line_replace(l, l->back ? history_get(&l->history, l->back) : l->stash);
}

static void complete(struct line *l, bool again)
{
	const struct line_client *client = l->client;
	struct completion c = { .matches = 0 };

	client->complete(client->arg, l->text, l->pos, &c);
	if (c.insert[0]) {
		line_insert(l, c.insert, strlen(c.insert));
	} else if (c.matches > 1 && again) {
		line_draw(l, "\n", 1);
		client->list(client->arg, l->text, l->pos);
		line_redraw(l);
	} else {
		line_bell(l);
	}
}

static void feed_arrow(struct line *l, char final)
{
	switch (final) {
	case 'A':
		go_back(l);
		break;
	case 'B':
		go_forth(l);
		break;
	case 'C':
		line_move(l, right_of(l));
		break;
	case 'D':
		line_move(l, left_of(l));
		break;
	case 'H':
		line_move(l, 0);
		break;
	case 'F':
		line_move(l, l->len);
		break;
	}
}

/* "ESC [ NUMBER ~"; terminals disagree on Home and End. */
static void feed_numbered(struct line *l, unsigned number)
{
	if (number == 1 || number == 7)
		line_move(l, 0);
	else if (number == 4 || number == 8)
		line_move(l, l->len);
	else if (number == 3)
		line_delete(l, l->pos, right_of(l));
}

static void feed_csi(struct line *l, char c)
{
	if (c < '@') {
		if (!isdigit(c))
			l->key = KEY_CSI_REST;
		else if (l->key == KEY_CSI && l->key_number < 100)
			l->key_number = l->key_number * 10 + (unsigned)(c - '0');
		return;
	}
	/* The Linux console's F1 is "ESC [ [ A": one byte more to swallow. */
	l->key = c == '[' ? KEY_ESC : KEY_PLAIN;
	if (c == '~')
		feed_numbered(l, l->key_number);
	else
		feed_arrow(l, c);
}

/* A byte inside an escape sequence. What we don't know is swallowed whole, never typed. */
static void feed_escape(struct line *l, char c)
{
	switch (l->key) {
	case KEY_ESC:
		l->key = c == '[' ? KEY_CSI : c == 'O' ? KEY_SS3 : KEY_PLAIN;
		l->key_number = 0;
		break;
	case KEY_SS3:
		l->key = KEY_PLAIN;
		feed_arrow(l, c);
		break;
	default:
		feed_csi(l, c);
	}
}

static void feed_control(struct line *l, char c, bool again)
{
	switch (c) {
	case '\t':
		complete(l, again);
		break;
	case '\b':
	case DEL:
		line_delete(l, left_of(l), l->pos);
		break;
	case CTRL('D'):
		line_delete(l, l->pos, right_of(l));
		break;
	case CTRL('A'):
		line_move(l, 0);
		break;
	case CTRL('E'):
		line_move(l, l->len);
		break;
	case CTRL('B'):
		line_move(l, left_of(l));
		break;
	case CTRL('F'):
		line_move(l, right_of(l));
		break;
	case CTRL('U'):
		line_delete(l, 0, l->pos);
		break;
	case CTRL('K'):
		line_delete(l, l->pos, l->len);
		break;
	case CTRL('W'):
		line_delete(l, word_start(l), l->pos);
		break;
	case CTRL('P'):
		go_back(l);
		break;
	case CTRL('N'):
		go_forth(l);
		break;
	case CTRL('L'):
		line_draw(l, "\033[H\033[2J", 7);
		line_redraw(l);
		break;
	case ESC:
		l->key = KEY_ESC;
		break;
	}
}

static enum line_state finish(struct line *l, enum line_state how)
{
	if (how == LINE_DONE)
		history_add(&l->history, l->text, l->len);
	if (how == LINE_DROPPED) {
		l->pos = l->len;
		line_redraw(l);
		line_draw(l, "^C", 2);
	}
	line_draw(l, "\n", 1);
	return how;
}

enum line_state line_feed(struct line *l, char c)
{
	char last = l->last;

	l->last = c;
	if (c == '\n' && last == '\r')
		return LINE_MORE;
	if (l->key != KEY_PLAIN && (unsigned char)c >= ' ') {
		feed_escape(l, c);
		return LINE_MORE;
	}
	l->key = KEY_PLAIN; /* a control character ends whatever was going on */
	if (c == '\r' || c == '\n')
		return finish(l, LINE_DONE);
	if (c == CTRL('C'))
		return finish(l, LINE_DROPPED);
	if (c == CTRL('D') && !l->len)
		return finish(l, LINE_EOF);
	if (isprint(c))
		line_insert(l, &c, 1);
	else
		feed_control(l, c, c == last);
	return LINE_MORE;
}
