/* What the lamp understands. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stddef.h>

void command_banner(void);
/* The first word names the command; an answer or a refusal goes to the serial line. */
void command_run(char *words[], size_t count);

#endif
