/* Driver of the CMSDK APB UART. It has no FIFO, so an interrupt carries each character into a ring. */
#include "uart.h"

#include "board.h"

#define BAUD 115200u
/* A pasted line of the longest command fits; a power of two, so that the free-running counters wrap well. */
#define RING_SIZE 64u

/* Only the interrupt moves `written` and only the reader moves `taken`, so neither needs a lock. */
static volatile char ring[RING_SIZE];
static volatile uint32_t written;
static volatile uint32_t taken;
static volatile uint32_t lost;

void uart_start(void) {
  UART_BAUD_DIVIDER = CLOCK_HZ / BAUD;
  UART_CTRL = UART_CTRL_TX_ENABLE | UART_CTRL_RX_ENABLE | UART_CTRL_RX_INTERRUPT;
  NVIC_ENABLE = 1u << UART_RX_IRQ;
}

void uart_receive_interrupt(void) {
  /* Cleared first: a character that comes during the loop raises the interrupt again. */
  UART_INTERRUPT_CLEAR = UART_INTERRUPT_RX;
  if (UART_STATE & UART_STATE_RX_OVERRUN) {
    UART_STATE = UART_STATE_RX_OVERRUN;
    lost++;
  }
  while (UART_STATE & UART_STATE_RX_FULL) {
    const char c = (char)UART_DATA;
    if (written - taken == RING_SIZE) {
      lost++;
      continue;
    }
    ring[written % RING_SIZE] = c;
    written++;
  }
}

bool uart_read(char *c) {
  if (written == taken) return false;
  *c = ring[taken % RING_SIZE];
  taken++;
  return true;
}

uint32_t uart_lost(void) { return lost; }

void uart_put(char c) {
  while (UART_STATE & UART_STATE_TX_FULL) {
  }
  UART_DATA = (uint8_t)c;
}

void uart_write(const char *text) {
  for (; *text != '\0'; text++) uart_put(*text);
}

void uart_number(uint32_t value) {
  char digits[10];
  uint32_t count = 0;
  do {
    digits[count++] = (char)('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (count > 0) uart_put(digits[--count]);
}

void uart_two_digits(uint32_t value) {
  uart_put((char)('0' + value / 10 % 10));
  uart_put((char)('0' + value % 10));
}

void uart_hex(uint32_t value) {
  uart_write("0x");
  for (int shift = 28; shift >= 0; shift -= 4) uart_put("0123456789abcdef"[(value >> shift) & 15u]);
}
