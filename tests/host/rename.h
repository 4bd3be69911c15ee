/* The kernel's functions that libc has too, under names of their own, so that one program can hold both. */

#define memcpy	  nl_memcpy
#define memmove	  nl_memmove
#define memset	  nl_memset
#define memcmp	  nl_memcmp
#define strlen	  nl_strlen
#define strnlen	  nl_strnlen
#define strcmp	  nl_strcmp
#define strncmp	  nl_strncmp
#define strchr	  nl_strchr
#define strrchr	  nl_strrchr
#define strstr	  nl_strstr
#define strscpy	  nl_strscpy
#define strerror  nl_strerror
#define snprintf  nl_snprintf
#define vsnprintf nl_vsnprintf
#define isspace	  nl_isspace
#define isdigit	  nl_isdigit
#define isprint	  nl_isprint
#define isalpha	  nl_isalpha
#define isalnum	  nl_isalnum
