/* One function a command, and the list of them. */
#include "commands.h"

#include "board.h"
#include "clock.h"
#include "fade.h"
#include "heartbeat.h"
#include "identity.h"
#include "lamp.h"
#include "self-test.h"
#include "text.h"
#include "uart.h"

#define SWITCH_CENTISECONDS 50u
#define FADE_SECONDS_MAX 3600u

typedef struct {
  const char *name;
  size_t words_min;
  size_t words_max;
  const char *usage;
  const char *about;
  void (*run)(char *words[], size_t count);
} Command;

static void help(char *words[], size_t count);
static void version(char *words[], size_t count);
static void on(char *words[], size_t count);
static void off(char *words[], size_t count);
static void fade(char *words[], size_t count);
static void programme(char *words[], size_t count);
static void clock(char *words[], size_t count);
static void wake(char *words[], size_t count);
static void status(char *words[], size_t count);
static void self_test_command(char *words[], size_t count);
static void reset_command(char *words[], size_t count);

static const Command commands[] = {
    {"help", 1, 1, "help", "lists the commands", help},
    {"version", 1, 1, "version", "tells vendor, model and version", version},
    {"on", 1, 1, "on", "lights the lamp within half a second", on},
    {"off", 1, 1, "off", "darkens it within half a second", off},
    {"fade", 3, 3, "fade PERCENT SECONDS", "moves evenly to a level", fade},
    {"programme", 1, 2, "programme [NAME]", "lists the light programmes, or starts one", programme},
    {"clock", 1, 2, "clock [HH:MM]", "tells or sets the time of day", clock},
    {"wake", 1, 2, "wake [HH:MM|never]", "tells or sets when the sunrise starts by itself", wake},
    {"status", 1, 1, "status", "tells what the lamp does now", status},
    {"selftest", 1, 1, "selftest", "checks image, tables and memory", self_test_command},
    {"reset", 1, 1, "reset", "restarts the lamp", reset_command},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void line_of_two(const char *left, const char *right);
static void time_of_day(uint32_t minute);
static void refuse(const char *expected, const char *found);
static uint32_t percent_of(uint32_t level);

void command_banner(void) {
  uart_write("\r\n");
  version(NULL, 0);
  self_test_command(NULL, 0);
}

void command_run(char *words[], size_t count) {
  for (size_t i = 0; i < COMMAND_COUNT; i++) {
    const Command *command = &commands[i];
    if (!text_equal(command->name, words[0])) continue;
    if (count >= command->words_min && count <= command->words_max) {
      command->run(words, count);
      return;
    }
    uart_write("expected ");
    uart_write(command->usage);
    uart_write("\r\n");
    return;
  }
  refuse("a command (try help)", words[0]);
}

static void help(char *words[], size_t count) {
  (void)words, (void)count;
  for (size_t i = 0; i < COMMAND_COUNT; i++) line_of_two(commands[i].usage, commands[i].about);
}

static void version(char *words[], size_t count) {
  (void)words, (void)count;
  uart_write(identity.vendor);
  uart_put(' ');
  uart_write(identity.model);
  uart_put(' ');
  uart_write(identity.version_text);
  uart_write("\r\n");
}

static void on(char *words[], size_t count) {
  (void)words, (void)count;
  fade_to(LEVEL_MAX, SWITCH_CENTISECONDS);
  uart_write("on\r\n");
}

static void off(char *words[], size_t count) {
  (void)words, (void)count;
  fade_to(0, SWITCH_CENTISECONDS);
  uart_write("off\r\n");
}

static void fade(char *words[], size_t count) {
  uint32_t percent, seconds;
  (void)count;
  if (!text_number(words[1], 100, &percent)) {
    refuse("0 to 100 percent", words[1]);
    return;
  }
  if (!text_number(words[2], FADE_SECONDS_MAX, &seconds)) {
    refuse("0 to 3600 seconds", words[2]);
    return;
  }
  uart_write("fading from ");
  uart_number(percent_of(fade_level()));
  uart_write(" to ");
  uart_number(percent);
  uart_write(" %\r\n");
  fade_to((uint16_t)((percent * LEVEL_MAX + 50u) / 100u), seconds * 100u);
}

static void programme(char *words[], size_t count) {
  if (count == 1) {
    for (size_t i = 0; i < programme_count; i++) line_of_two(programmes[i].name, programmes[i].about);
    return;
  }
  if (!lamp_play(words[1])) {
    refuse("the name of a programme", words[1]);
    return;
  }
  uart_write("programme ");
  uart_write(words[1]);
  uart_write("\r\n");
}

static void clock(char *words[], size_t count) {
  uint32_t minute;
  if (count == 2) {
    if (!text_time(words[1], &minute)) {
      refuse("a time from 00:00 to 23:59", words[1]);
      return;
    }
    clock_set(minute);
  }
  if (clock_known()) time_of_day(clock_seconds() / 60u);
  else uart_write("not set");
  uart_write("\r\n");
}

static void wake(char *words[], size_t count) {
  uint32_t minute = WAKE_NEVER;
  if (count == 2) {
    if (!text_equal(words[1], "never") && !text_time(words[1], &minute)) {
      refuse("a time from 00:00 to 23:59 or never", words[1]);
      return;
    }
    lamp_wake_at(minute);
  }
  if (lamp_wake_minute() == WAKE_NEVER) uart_write("never");
  else time_of_day(lamp_wake_minute());
  if (lamp_wake_minute() != WAKE_NEVER && !clock_known()) uart_write(", once the clock is set");
  uart_write("\r\n");
}

static void status(char *words[], size_t count) {
  (void)words, (void)count;
  const Light light = lamp_light();
  const Duty duty = light_duty(light);
  uart_write("programme ");
  uart_write(lamp_programme()->name);
  uart_write(", dimmer ");
  uart_number(percent_of(fade_level()));
  uart_write(fade_running() ? " % and fading, light " : " %, light ");
  uart_number(light.level);
  uart_write(" at ");
  uart_number(light.kelvin);
  uart_write(" K, duty warm ");
  uart_number(duty.warm);
  uart_write(" cool ");
  uart_number(duty.cool);
  uart_write("\r\nup ");
  uart_number(heartbeat_centiseconds() / 100u);
  uart_write(" s, characters lost ");
  uart_number(uart_lost());
  uart_write("\r\n");
}

static void self_test_command(char *words[], size_t count) {
  (void)words, (void)count;
  const char *failure = self_test();
  uart_write("self-test: ");
  uart_write(failure == NULL ? "passed" : failure);
  uart_write("\r\n");
}

static void reset_command(char *words[], size_t count) {
  (void)words, (void)count;
  uart_write("restarting\r\n");
  reset_board();
}

static void line_of_two(const char *left, const char *right) {
  uart_write("  ");
  size_t column = 0;
  for (; left[column] != '\0'; column++) uart_put(left[column]);
  for (; column < 22; column++) uart_put(' ');
  uart_write(right);
  uart_write("\r\n");
}

static void time_of_day(uint32_t minute) {
  uart_two_digits(minute / 60u);
  uart_put(':');
  uart_two_digits(minute % 60u);
}

static void refuse(const char *expected, const char *found) {
  uart_write("expected ");
  uart_write(expected);
  uart_write(", found ");
  uart_write(found);
  uart_write("\r\n");
}

static uint32_t percent_of(uint32_t level) { return (level * 100u + LEVEL_MAX / 2u) / LEVEL_MAX; }
