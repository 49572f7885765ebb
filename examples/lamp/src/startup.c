/*
 * What the core does before main, and what it does when something goes wrong.
 * The vector table stands at offset 0 of the image: initial stack pointer, 15 exceptions, 32 interrupts.
 */
#include "board.h"
#include "heartbeat.h"
#include "uart.h"

typedef void (*Vector)(void);

extern uint32_t stack_top, data_load, data_start, data_end, bss_start, bss_end;

int main(void);
void reset(void);
static void fault(void);
static void unexpected(void);
static void tell_fault_and_reset(const uint32_t *frame) __attribute__((used, noreturn));

__attribute__((section(".vectors"), used)) static const Vector vectors[48] = {
    [0] = (Vector)&stack_top,
    [1] = reset,
    [2] = unexpected, /* NMI */
    [3] = fault,      /* HardFault; the three below escalate to it unless they are enabled */
    [4] = fault,      /* MemManage */
    [5] = fault,      /* BusFault */
    [6] = fault,      /* UsageFault */
    [11] = unexpected, /* SVCall */
    [12] = unexpected, /* DebugMonitor */
    [14] = unexpected, /* PendSV */
    [15] = heartbeat_interrupt,
    [16 + UART_RX_IRQ] = uart_receive_interrupt,
    [17 ... 47] = unexpected,
};

void reset(void) {
  const uint32_t *from = &data_load;
  for (uint32_t *to = &data_start; to < &data_end; to++) *to = *from++;
  for (uint32_t *to = &bss_start; to < &bss_end; to++) *to = 0;
  main();
  reset_board();
}

/* The core has pushed r0-r3, r12, lr, pc and psr before it came here; the handler must see them untouched. */
__attribute__((naked)) static void fault(void) {
  __asm volatile("mrs r0, msp\n b tell_fault_and_reset");
}

/* A lamp that restarts is better than one that hangs, and a boot loader can count the restarts of a trial. */
static void tell_fault_and_reset(const uint32_t *frame) {
  uart_write("\r\nfault at ");
  uart_hex(frame[6]);
  uart_write(", status ");
  uart_hex(SCB_CFSR);
  uart_write(", restarting\r\n");
  reset_board();
  __builtin_unreachable();
}

/* No other interrupt is enabled; one that comes all the same means that the state is not to be trusted. */
static void unexpected(void) {
  uart_write("\r\nunexpected interrupt, restarting\r\n");
  reset_board();
}
