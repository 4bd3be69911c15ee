/* The text under the cursor and its picture on the screen: what every key is made of. */
#pragma once

#include "user/sh/line.h"

void line_draw(struct line *l, const char *text, size_t len);
void line_bell(struct line *l);
/* Draws prompt, visible text and cursor anew, in the row the cursor is in. */
void line_redraw(struct line *l);
/* At the cursor, which moves behind it; rings when the line is full. */
void line_insert(struct line *l, const char *text, size_t len);
/* Removes [from, to); the cursor goes to @from. */
void line_delete(struct line *l, size_t from, size_t to);
void line_replace(struct line *l, const char *text);
/* Rings when there is nowhere to go. */
void line_move(struct line *l, size_t pos);
