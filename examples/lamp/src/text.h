/* Words and numbers of the command line. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool text_equal(const char *a, const char *b);
/* Cuts the line at its blanks, in place; gives the number of words, at most max + 1 if there are too many. */
size_t text_split(char *line, char *words[], size_t max);
/* Decimal, at most `highest`; false for anything else. */
bool text_number(const char *text, uint32_t highest, uint32_t *value);
/* HH:MM, as minutes since midnight. */
bool text_time(const char *text, uint32_t *minute);

#endif
