/* Collects a line with echo and backspace, finds its command, and answers. */
#include "console.h"

#include "commands.h"
#include "text.h"
#include "uart.h"

#define LINE_LENGTH_MAX 40u
#define WORDS_MAX 3u

static char line[LINE_LENGTH_MAX + 1];
static size_t length;
static bool too_long;
/* A terminal may end a line with CR, LF or both; the LF of a CR LF is not an empty line. */
static char before;

static void take(char c);
static void run(void);

void console_start(void) {
  command_banner();
  uart_write("> ");
}

void console_poll(void) {
  char c;
  while (uart_read(&c)) {
    const bool second_half = c == '\n' && before == '\r';
    before = c;
    if (!second_half) take(c);
  }
}

static void take(char c) {
  if (c == '\r' || c == '\n') {
    uart_write("\r\n");
    run();
    length = 0;
    too_long = false;
    uart_write("> ");
    return;
  }
  if (c == '\b' || c == 0x7F) {
    if (length == 0) return;
    length--;
    uart_write("\b \b");
    return;
  }
  if (c < ' ' || c > '~') return;
  /* Half a command is not the command: the whole line is refused at its end. */
  if (length == LINE_LENGTH_MAX) {
    too_long = true;
    return;
  }
  line[length++] = c;
  uart_put(c);
}

static void run(void) {
  char *words[WORDS_MAX];
  if (too_long) {
    uart_write("expected at most 40 characters, found more\r\n");
    return;
  }
  line[length] = '\0';
  const size_t count = text_split(line, words, WORDS_MAX);
  if (count == 0) return;
  if (count > WORDS_MAX) {
    uart_write("expected at most 3 words, found more\r\n");
    return;
  }
  command_run(words, count);
}
