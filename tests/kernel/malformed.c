/*
 * The command "malformed": writes nonsense to every control file there is, and says what wasn't refused, and what changed.
 *
 * It walks the tree, so that a file that is added tomorrow is tried, too. What may succeed is the business of who reads
 * its report, tests/guest/malformed.t.
 */
#include "abi/errno.h"
#include "arch/x86/mm/paging.h"
#include "lib/bug.h"
#include "lib/command.h"
#include "lib/glob.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "tracefs/tracefs.h"

#define FILES_MAX 1024
#define JUNK	  " junk\n"

struct file {
	char path[TRACEFS_PATH_MAX - 140]; /* below the mount point, after its slash */
	bool is_dir, is_tried, is_setting;
	u64 hash; /* of what it says */
};

static struct file *files;
static size_t nr_files;
static char input[TRACEFS_WRITE_MAX + 1];

/* "X*": so many bytes of the first letter; "~": what the file itself says, and JUNK; "~0": with a NUL between. */
static const struct {
	const char *name, *text;
	size_t len; /* 0: of the text */
} inputs[] = {
	{ "long", "X*", TRACEFS_WRITE_MAX },
	{ "digits", "9*", TRACEFS_WRITE_MAX },
	{ "words", "a*", TRACEFS_WRITE_MAX - 1 },
	{ "nul", "\0", 1 },
	{ "nul-behind", "1\0", 2 },
	{ "nul-inside", "1\n\0001\n", 5 },
	{ "not-utf8", "\xff\xfe\x80\n", 0 },
	{ "control", "\x1b[2J\x01\x7f\n", 0 },
	{ "quote", "\"1\n", 0 },
	{ "quotes", "'a \"b\n", 0 },
	{ "too-big", "18446744073709551616\n", 0 },
	{ "too-big-hex", "0x1ffffffffffffffff\n", 0 },
	{ "negative", "-1\n", 0 },
	{ "behind-a-number", "1 1x\n", 0 },
	{ "letters-behind", "1x\n", 0 },
	{ "fraction", "0.5\n", 0 },
	{ "behind-itself", "~", 0 },
	{ "nul-behind-itself", "~0", 0 },
	{ "not-there", "nosuch\n", 0 },
	{ "not-there-no", "!nosuch\n", 0 },
	{ "empty", "", 0 },
	{ "blank", " \t\n", 0 },
};

static const char *full(const char *path)
{
	static char buf[TRACEFS_PATH_MAX];

	snprintf(buf, sizeof(buf), *path ? "%s/%s" : "%s", TRACEFS_MOUNT, path);
	return buf;
}

struct hasher {
	struct seq seq;
	u64 hash;
};

static void hash_write(struct seq *s, const char *text, size_t len)
{
	struct hasher *h = container_of(s, struct hasher, seq);

	while (len--)
		h->hash = (h->hash ^ (u8)*text++) * 0x100000001b3;
}

static u64 hash_of(const char *path)
{
	struct hasher h = { .seq.write = hash_write, .hash = 0xcbf29ce484222325 };

	return tracefs_read(full(path), &h.seq) == -EACCES ? 0 : h.hash;
}

static void found(void *arg, const char *name, bool is_dir)
{
	const struct file *dir = arg;
	struct file *f = &files[nr_files++];

	BUG_ON(nr_files == FILES_MAX);
	*f = (struct file){ .is_dir = is_dir };
	snprintf(f->path, sizeof(f->path), dir && *dir->path ? "%s/%s" : "%s%s", dir ? dir->path : "", name);
}

static bool is_listed(const char *path, int argc, char **argv, bool minus)
{
	for (int i = 1; i < argc; i++)
		if ((argv[i][0] == '-') == minus && glob_match(argv[i] + minus, path))
			return true;
	return false;
}

/* What says something else each time it is asked is no setting. */
static void walk(int argc, char **argv)
{
	nr_files = 0;
	tracefs_readdir(full(""), found, NULL);
	for (size_t i = 0; i < nr_files; i++) {
		struct file *f = &files[i];

		if (f->is_dir) {
			tracefs_readdir(full(f->path), found, f);
			continue;
		}
		f->is_tried = tracefs_may_write(full(f->path)) == 0 && !is_listed(f->path, argc, argv, false);
		/* The others are not read: who knows whether they end. */
		f->hash = f->is_tried ? hash_of(f->path) : 0;
		f->is_setting =
			f->is_tried && !is_listed(f->path, argc, argv, true) && hash_of(f->path) == f->hash;
	}
}

/* The first setting that isn't as before; NULL. All are as they are now then. */
static const struct file *changed(void)
{
	const struct file *first = NULL;

	for (size_t i = 0; i < nr_files; i++) {
		u64 hash = files[i].is_setting ? hash_of(files[i].path) : 0;

		if (hash != files[i].hash && !first)
			first = &files[i];
		files[i].hash = hash;
	}
	return first;
}

/* How long. */
static size_t make_input(size_t i, const char *path)
{
	const char *text = inputs[i].text;
	size_t len = inputs[i].len ? inputs[i].len : strlen(text);
	struct seq_buf b;

	if (text[0] && text[1] == '*') {
		memset(input, text[0], len);
		for (size_t at = 1; text[0] == 'a' && at < len; at += 2)
			input[at] = ' ';
	} else if (text[0] == '~') {
		seq_buf_init(&b, input, sizeof(input) - strlen(JUNK));
		tracefs_read(full(path), &b.seq);
		len = b.len;
		while (len && isspace(input[len - 1]))
			len--;
		memcpy(input + len, JUNK, strlen(JUNK));
		if (text[1])
			input[len] = 0;
		len += strlen(JUNK);
	} else {
		memcpy(input, text, len);
	}
	input[len] = 0;
	return len;
}

/* True: refused, and nothing has changed. Else a line says it. */
static bool try(struct seq *out, const struct file *f, size_t i, bool append)
{
	size_t len = make_input(i, f->path);
	int err = tracefs_write(full(f->path), input, len, append);
	const struct file *other = changed();

	if (err && !other)
		return true;
	seq_printf(out, "%s %s %s %d %s\n", f->path, append ? ">>" : ">", inputs[i].name, -err,
		   other ? other->path : "-");
	return false;
}

static void try_all(struct seq *out)
{
	for (size_t n = 0; n < nr_files; n++) {
		u32 refused = 0;

		if (!files[n].is_tried)
			continue;
		for (size_t i = 0; i < 2 * ARRAY_SIZE(inputs); i++)
			refused += try(out, &files[n], i / 2, i % 2 == 0);
		seq_printf(out, "%s: %u of %lu refused%s\n", files[n].path, refused, 2 * ARRAY_SIZE(inputs),
			   files[n].is_setting ? "" : ", not watched");
	}
}

static int run(int argc, char **argv, struct seq *out)
{
	size_t pages = (FILES_MAX * sizeof(*files) + PAGE_SIZE - 1) / PAGE_SIZE;
	u64 pa = frames_alloc(pages);

	if (!pa)
		return -ENOMEM;
	files = phys_to_virt(pa);
	walk(argc, argv);
	changed();
	try_all(out);
	frames_free(pa, pages);
	return 0;
}
COMMAND(malformed, "[SKIP...] [-UNWATCHED...]", "write nonsense to every control file", run);
