/* The lamp starts dark, says who it is, and then serves its light and its serial line for ever. */
#include "board.h"
#include "console.h"
#include "heartbeat.h"
#include "lamp.h"
#include "uart.h"

int main(void) {
  uint32_t done = 0;
  uart_start();
  heartbeat_start();
  console_start();
  for (;;) {
    /* A command's long answer may take several hundredths; the light catches up with each of them. */
    for (; done != heartbeat_centiseconds(); done++) lamp_step();
    console_poll();
    /* An interrupt that came just before this is not missed for long: the next one is 125 µs away. */
    wait_for_interrupt();
  }
}
