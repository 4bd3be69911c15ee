/* Error numbers and their texts, Linux's, because scripts and people know them. */
#pragma once

#define EPERM	      1
#define ENOENT	      2
#define EINTR	      4
#define EIO	      5
#define E2BIG	      7
#define EBADF	      9
#define EAGAIN	      11
#define ENOMEM	      12
#define EACCES	      13
#define EFAULT	      14
#define EBUSY	      16
#define EEXIST	      17
#define ENODEV	      19
#define ENOTDIR	      20
#define EISDIR	      21
#define EINVAL	      22
#define EMFILE	      24
#define ENOSPC	      28
#define EPIPE	      32
#define ERANGE	      34
#define ENAMETOOLONG  36
#define ENOSYS	      38
#define EILSEQ	      84
#define EOVERFLOW     75
#define EOPNOTSUPP    95
#define EADDRNOTAVAIL 99
#define ETIMEDOUT     110
#define ESTALE	      116

/* "Invalid argument" for EINVAL or -EINVAL; "Unknown error" otherwise. */
const char *strerror(int err);
