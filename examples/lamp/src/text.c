/* Strict readers: what is not exactly right is refused, never guessed. */
#include "text.h"

static bool digit(char c) { return c >= '0' && c <= '9'; }

bool text_equal(const char *a, const char *b) {
  while (*a != '\0' && *a == *b) {
    a++;
    b++;
  }
  return *a == *b;
}

size_t text_split(char *line, char *words[], size_t max) {
  size_t count = 0;
  for (char *at = line; *at != '\0';) {
    if (*at == ' ') {
      *at++ = '\0';
      continue;
    }
    if (count == max) return max + 1;
    words[count++] = at;
    while (*at != '\0' && *at != ' ') at++;
  }
  return count;
}

bool text_number(const char *text, uint32_t highest, uint32_t *value) {
  uint32_t sum = 0;
  if (*text == '\0') return false;
  for (; *text != '\0'; text++) {
    if (!digit(*text)) return false;
    /* Checked at every digit, so that no long row of them can wrap the sum; `highest` is far below 2^28. */
    sum = sum * 10 + (uint32_t)(*text - '0');
    if (sum > highest) return false;
  }
  *value = sum;
  return true;
}

bool text_time(const char *text, uint32_t *minute) {
  for (size_t i = 0; i < 5; i++) {
    if (i == 2 ? text[i] != ':' : !digit(text[i])) return false;
  }
  if (text[5] != '\0') return false;
  const uint32_t hours = (uint32_t)((text[0] - '0') * 10 + (text[1] - '0'));
  const uint32_t minutes = (uint32_t)((text[3] - '0') * 10 + (text[4] - '0'));
  if (hours > 23 || minutes > 59) return false;
  *minute = hours * 60 + minutes;
  return true;
}
