/* The first program: says that user mode is there. */
#include "user/lib/user.h"

int main(int argc, char **argv) { return print("init: hello from user mode\n") != 0; }
