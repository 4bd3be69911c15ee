/*
 * The console: owns the serial line COM1, by its ports and its interrupt. Text is written as it comes; keys wait here for who asks
 * for them.
 */
#include "abi/errno.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "user/console/uart.h"
#include "user/lib/console.h"
#include "user/lib/syscall.h"
#include "user/lib/user.h"

#define KEYS   256
#define CTRL_C 3
#define IRQ    1 /* the bit that our notification gets for the interrupt */

static char keys[KEYS];
static u32 keys_in, keys_out;
static u32 interrupted;	      /* a notification for ^C; 0: it is a key */
static struct message reader; /* who waits for keys, when it has a token */

static u32 endpoint(void) { return program()->given[0]; }

static void close(u32 handle)
{
	if (handle)
		syscall3(SYS_handle_close, handle, 0, 0);
}

/* -ENOENT: who asked has died. */
static s64 answer(struct message *m, s64 result)
{
	m->label = (u64)result;
	m->handle = 0;
	return message_reply(endpoint(), m);
}

/* What finds no room stays in the UART; QEMU then holds back the rest, a real one would lose it. */
static void take_keys(void)
{
	int c;

	while (keys_in - keys_out < KEYS && (c = uart_get()) >= 0) {
		if (c == CTRL_C && interrupted)
			syscall3(SYS_notification_signal, interrupted, 1, 0);
		else
			keys[keys_in++ % KEYS] = (char)c;
	}
}

static void give_keys(void)
{
	u32 n = 0;

	take_keys();
	if (!reader.token || keys_in == keys_out)
		return;
	for (; n < CONSOLE_BYTES && keys_out + n != keys_in; n++)
		((char *)reader.words)[n] = keys[(keys_out + n) % KEYS];
	if (answer(&reader, n) == 0)
		keys_out += n;
	reader.token = 0;
	take_keys(); /* there is room again, and no interrupt for what waits already */
}

/* Who waits may have died, so the last to ask is the one that gets the keys. */
static void set_reader(const struct message *m)
{
	if (reader.token)
		answer(&reader, -EBUSY);
	reader = *m;
	give_keys();
}

/* No bits: that tells whether it is one at all. */
static void set_interrupt(struct message *m)
{
	u32 h = (u32)m->handle;
	s64 err = h ? syscall3(SYS_notification_signal, h, 0, 0) : 0;

	close(err ? h : interrupted);
	if (!err)
		interrupted = h;
	answer(m, err);
}

/* Keys, and ^C, are for whom init has given the console, and not for all who find it by its name: these have a badge. */
static bool may(const struct message *m, u64 op)
{
	return !m->badge || (op != CONSOLE_READ && op != CONSOLE_INTERRUPT);
}

static void serve(struct message *m)
{
	size_t bytes = m->label >> 8;
	u64 op = m->label & 0xff;

	if (op != CONSOLE_INTERRUPT || !may(m, op))
		close((u32)m->handle); /* nobody has asked for one */
	if (!may(m, op)) {
		answer(m, -EACCES);
		return;
	}
	switch (op) {
	case CONSOLE_WRITE:
		if (bytes <= CONSOLE_BYTES)
			uart_put((const char *)m->words, bytes);
		answer(m, bytes <= CONSOLE_BYTES ? 0 : -E2BIG);
		break;
	case CONSOLE_READ:
		set_reader(m);
		break;
	case CONSOLE_INTERRUPT:
		set_interrupt(m);
		break;
	default:
		answer(m, -ENOSYS);
	}
}

/* Without a token it isn't a message but the interrupt's bit. */
static void handle(struct message *m)
{
	if (m->token) {
		serve(m);
		return;
	}
	syscall3(SYS_irq_done, program()->given[2], 0, 0);
	give_keys();
}

int main(int argc, char **argv)
{
	struct message m;
	s64 err;

	uart_ports = program()->given[1];
	err = syscall3(SYS_irq_bind, program()->given[2], program()->given[3],
		       IRQ); /* which comes as bits without a token */
	while (!err && !(err = message_receive(endpoint(), &m, 0)))
		handle(&m);
	return (int)err;
}
