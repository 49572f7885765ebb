/* The serial line: 115200 baud, 8 bits, no parity. Sending waits, receiving does not. */
#ifndef UART_H
#define UART_H

#include <stdbool.h>
#include <stdint.h>

void uart_start(void);
void uart_receive_interrupt(void);

/* True when a character was waiting; it is then in *c. */
bool uart_read(char *c);
/* Characters that came faster than they were read and are lost. */
uint32_t uart_lost(void);

void uart_put(char c);
void uart_write(const char *text);
void uart_number(uint32_t value);
void uart_two_digits(uint32_t value);
void uart_hex(uint32_t value);

#endif
