/* What we ask of the compiler: placement, inlining, and accesses it must not invent, tear or drop. */
#pragma once

#define __always_inline inline __attribute__((__always_inline__))
#define noinline	__attribute__((__noinline__))
#define __noreturn	__attribute__((__noreturn__))
#define __packed	__attribute__((__packed__))
#define __aligned(n)	__attribute__((__aligned__(n)))
#define __section(s)	__attribute__((__section__(s)))
#define __used		__attribute__((__used__))
#define __unused	__attribute__((__unused__))
#define __must_check	__attribute__((__warn_unused_result__))
#define __printf(f, a)	__attribute__((__format__(__printf__, f, a)))

/* No nop at the function's entry: the function tracer cannot see it. Each use says why. */
#define notrace __attribute__((__no_instrument_function__))

/*
 * The three hidden sections (linker.ld). noinline goes with the section: a clone or an inlined
 * copy of a hidden function would land in visible text.
 */
#define noinstr	  noinline notrace __section(".noinstr.text")
#define __kprobes noinline notrace __section(".kprobes.text")

/*
 * C that no probe may ever get into lies with the assembly, in the section that not even
 * kprobes/unsafe opens: what the double fault handler uses to disarm all probes, and what keeps the
 * books of the step that a probe's own instruction would be in.
 */
#define __emergency noinline notrace __section(".entry.text")

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a)			(sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define static_assert _Static_assert

#define min(a, b)                       \
	({                              \
		__typeof__(a) _a = (a); \
		__typeof__(b) _b = (b); \
		_a < _b ? _a : _b;      \
	})
#define max(a, b)                       \
	({                              \
		__typeof__(a) _a = (a); \
		__typeof__(b) _b = (b); \
		_a > _b ? _a : _b;      \
	})

/* One access, exactly as written: for words another context may change or look at. */
#define READ_ONCE(x)	 (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
#define barrier()	 __asm__ volatile("" ::: "memory")

#define ALIGN_UP(x, a)	 (((x) + (a)-1) & ~((__typeof__(x))(a)-1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a)-1))

/*
 * Self-registration through a linker section: an array of pointers, never of structs (compilers
 * pad and reorder structs). linker.ld keeps [__start_NAME, __stop_NAME) aligned to 8.
 */
#define REGISTER_IN(name, object)                                                                          \
	static __typeof__(&(object)) const __used __attribute__((__no_reorder__)) __section(".reg." #name) \
		__reg_##object = &(object)
#define FOR_EACH_REGISTERED(name, type, p) \
	for (type *const *p = (type *const *)__start_##name; p < (type *const *)__stop_##name; p++)
#define DECLARE_REGISTRY(name) extern char __start_##name[], __stop_##name[]
