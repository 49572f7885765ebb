/*
 * The identification block. The version comes from the build and is split here,
 * so that the text and the numbers can't disagree.
 */
#include "identity.h"

/* The linker script's symbol; its address is its value. */
extern const uint8_t image_size;

_Static_assert(sizeof LAMP_VERSION == sizeof "1.0.0", "expected three single digits with dots between");

__attribute__((section(".identity"), used)) const Identity identity = {
    .magic = "LAMP-ID",
    .image_size = (uint32_t)&image_size,
    .version = {LAMP_VERSION[0] - '0', LAMP_VERSION[2] - '0', LAMP_VERSION[4] - '0', 0},
    .vendor = "lapel.example",
    .model = "lamp",
    .version_text = LAMP_VERSION,
};
