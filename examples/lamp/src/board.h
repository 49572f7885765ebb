/*
 * The registers of the Arm MPS2 board with the AN385 image (a Cortex-M3) that the lamp uses.
 * Addresses and bits are those of Arm's application note AN385 and of the ARMv7-M architecture manual.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define CLOCK_HZ 25000000u

/* The CMSDK APB UART behind the board's first serial socket. */
#define UART_DATA REGISTER(0x40004000u)
#define UART_STATE REGISTER(0x40004004u)
#define UART_STATE_TX_FULL (1u << 0)
#define UART_STATE_RX_FULL (1u << 1)
#define UART_STATE_RX_OVERRUN (1u << 3)
#define UART_CTRL REGISTER(0x40004008u)
#define UART_CTRL_TX_ENABLE (1u << 0)
#define UART_CTRL_RX_ENABLE (1u << 1)
#define UART_CTRL_RX_INTERRUPT (1u << 3)
#define UART_INTERRUPT_CLEAR REGISTER(0x4000400Cu)
#define UART_INTERRUPT_RX (1u << 1)
#define UART_BAUD_DIVIDER REGISTER(0x40004010u)
#define UART_RX_IRQ 0u

/* The two user LEDs: bit 0 drives the warm channel, bit 1 the cool one. */
#define LEDS REGISTER(0x40028000u)
#define LED_WARM (1u << 0)
#define LED_COOL (1u << 1)

#define SYSTICK_CTRL REGISTER(0xE000E010u)
#define SYSTICK_CTRL_ENABLE (1u << 0)
#define SYSTICK_CTRL_INTERRUPT (1u << 1)
#define SYSTICK_CTRL_CORE_CLOCK (1u << 2)
#define SYSTICK_RELOAD REGISTER(0xE000E014u)
#define SYSTICK_CURRENT REGISTER(0xE000E018u)

#define NVIC_ENABLE REGISTER(0xE000E100u)

/* The application interrupt and reset register takes a write only together with its key. */
#define SCB_AIRCR REGISTER(0xE000ED0Cu)
#define SCB_AIRCR_RESET (0x05FA0000u | (1u << 2))
#define SCB_CFSR REGISTER(0xE000ED28u)

static inline void wait_for_interrupt(void) { __asm volatile("wfi" ::: "memory"); }

/* Never returns: the core restarts within a few cycles. */
static inline void reset_board(void) {
  __asm volatile("dsb" ::: "memory");
  SCB_AIRCR = SCB_AIRCR_RESET;
  for (;;) {
  }
}

#endif
