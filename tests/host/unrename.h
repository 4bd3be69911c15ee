/* Gives the names that rename.h took back to libc. */

#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef strstr
#undef strscpy
#undef strerror
#undef snprintf
#undef vsnprintf
#undef isspace
#undef isdigit
#undef isprint
#undef isalpha
#undef isalnum
