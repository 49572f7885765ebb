/* The command interpreter on the serial line. */
#ifndef CONSOLE_H
#define CONSOLE_H

void console_start(void);
/* Takes what the line has brought and runs a command when it is complete. */
void console_poll(void);

#endif
