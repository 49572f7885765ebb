/* The check that a lamp makes of itself at each start. */
#ifndef SELF_TEST_H
#define SELF_TEST_H

/* NULL when all is well, else what is wrong. */
const char *self_test(void);

#endif
