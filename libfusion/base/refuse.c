/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/base/refuse.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fusion/error.h>

#include "libfusion/base/log.h"
#include "libfusion/base/orphan.h"
#include "libfusion/core/names/name.h"
#include "libfusion/core/names/table.h"

/* The last failing call of a thread, and its sentence. */
struct refusal {
	int r;
	uint32_t serial; /* counts the calls that have failed */
	bool is_fresh;	 /* refuse() kept it, and told() has not taken it yet */
	/* Not NULL: failed without a sentence, which is made on request. */
	const char *function;
	char text[1024];
};

static __thread struct refusal *thread_refusal
	__attribute__((tls_model("initial-exec")));
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void drop_refusal(void *unused)
{
	(void)unused;
	free(thread_refusal);
	thread_refusal = NULL;
}

static void make_refusal_key(void)
{
	/* Without a key, each thread that ends leaks its record. */
	if (pthread_key_create(&key, drop_refusal) != 0)
		key = (pthread_key_t)-1;
}

/* This thread's record.  NULL: no memory, so its sentences are not kept, and
 * fusion_strerror() explains errors by their meaning only. */
static struct refusal *refusal_of_thread(void)
{
	if (thread_refusal)
		return thread_refusal;
	pthread_once(&once, make_refusal_key);
	thread_refusal = calloc(1, sizeof(*thread_refusal));
	if (thread_refusal)
		pthread_setspecific(key, thread_refusal);
	return thread_refusal;
}

/* --- What an error means ---------------------------------------------------
 */

static const struct {
	int error;
	const char *text;
} meanings[] = {
	{E2BIG, "something is asked for that this library does not know: "
		"leave those members zero, or update the library"},
	{EACCES, "no access: look at the modes of the arena's directory and "
		 "of those above it (ls -ld), or at the access list of the "
		 "object"},
	{EADDRINUSE, "this process has something else at the arena's address"},
	{EAGAIN, "the call would have to wait, or there is no room: try again "
		 "later"},
	{EALREADY, "there is nothing to do: it is done already, or nothing has "
		   "made it necessary"},
	{EBADF, "the program has closed a descriptor that belongs to Fusion"},
	{EBADMSG, "the handler of the call returned an undefined value, or "
		  "deferred an answer that no thread can give"},
	{EBUSY, "it is in use, locked, or in a state that does not allow "
		"this: try again when that has changed"},
	{ECANCELED, "the call was cancelled or has its answer already, or a "
		    "callback left without returning"},
	{ECHILD, "the handle is of the parent: in the child of a fork, enter "
		 "the arena, or let the parent enter with FUSION_ENTER_FORK"},
	{ECONNRESET, "the owner of the call left or died, and may have "
		     "executed it"},
	{EDEADLK, "the wait would last for ever: the caller would wait for "
		  "itself"},
	{EDQUOT, "the quota is used up: give something back first"},
	{EEXIST, "something of that name or key exists already, or it inherits "
		 "already"},
	{EHOSTDOWN, "not executed: the owner of the call has left or died"},
	{EIDRM, "the handle's object was destroyed"},
	{EINTR, "a signal came during the wait"},
	{EINVAL, "an argument is not valid: a handle of something that does "
		 "not exist (any more), a pointer that does not point into "
		 "the arena, or a value that the manual does not allow"},
	{EIO, "the arena is corrupt: a member has overwritten Fusion's own "
	      "data; end its members, then remove it (rmdir)"},
	{EISCONN, "this process is in the arena already, in another role or "
		  "without FUSION_ENTER_MANUAL"},
	{ELOOP, "it would inherit from itself"},
	{EMFILE, "no descriptor is left in the process or the daemon (ulimit "
		 "-n), or no thread record in the arena"},
	{EMSGSIZE, "the bytes are too many for a message, a string, or the "
		   "caller's buffer"},
	{ENAMETOOLONG, "the name is too long: 63 bytes are the most"},
	{ENFILE, "no descriptor is left on this machine"},
	{ENODATA, "nothing was thrown to this member"},
	{ENODEV, "no fusionfs is mounted there: mount one (fusionfs DIR), or "
		 "say where it is in $FUSION_MOUNT"},
	{ENOENT, "there is no such thing: nothing has that name, id, key or "
		 "value"},
	{ENOLCK, "the thread holds as many locks as it can: give one back "
		 "first"},
	{ENOMEM, "no memory is left: the arena's limit, the tmpfs below it or "
		 "the process' own memory is used up, or the system starts no "
		 "thread (ulimit -u)"},
	{ENOSPC, "no room is left for one more in the arena, or on the tmpfs "
		 "below it"},
	{ENOTCONN, "the fusionfs daemon is gone: mount it again over the same "
		   "backing directory"},
	{ENOTDIR, "the arena's path, or a part of it, is not a directory"},
	{ENOTRECOVERABLE, "what a dead owner left could not be repaired"},
	{ENOTSUP, "this process has entered in another way: enter with "
		  "FUSION_ENTER_MANUAL"},
	{EOVERFLOW, "a counter has its largest value"},
	{EOWNERDEAD, "the lock is the caller's, and an owner before it died: "
		     "repair the data, then say that it is consistent"},
	{EPERM, "not permitted: it is not yours, but another thread's, "
		"member's or user's"},
	{EPIPE, "nobody reads what is written"},
	{EPROTO, "library, daemon and arena are of different formats: update "
		 "the older one"},
	{EPROTOTYPE, "it is of another type or size, or was created with other "
		     "options"},
	{ERANGE, "the index is behind the end"},
	{EREMOTE, "fusionfs runs in a pid namespace that this process is not "
		  "in"},
	{EROFS, "fusionfs is mounted read-only"},
	{ESRCH, "no such member is in the arena"},
	{ESTALE, "it has changed since: the object is about to go, or the "
		 "entries of the iteration have moved"},
	{ETIMEDOUT, "the time is over"},
};

const char *error_meaning(int r)
{
	const char *text;

	for (unsigned i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
		if (meanings[i].error == -r)
			return meanings[i].text;
	text = r < 0 ? strerrordesc_np(-r) : "no error";
	return text ? text : "an error without a name";
}

FUSION_API const char *fusion_strerror(int r)
{
	struct refusal *m = thread_refusal;
	int error = errno;

	if (!m || r >= 0 || m->r != r)
		return error_meaning(r);
	if (m->function) {
		snprintf(m->text, sizeof(m->text), "%s(): %s", m->function,
			 error_meaning(r));
		m->function = NULL;
	}
	errno = error;
	return m->text;
}

/* --- Refusing --------------------------------------------------------------
 */

/* A sentence must be one line, and a name in it may contain control
 * characters. */
static void make_one_line(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
}

int refuse(int r, const char *fmt, ...)
{
	struct refusal *m = refusal_of_thread();
	char text[sizeof(m->text)];
	int error = errno;
	va_list ap;

	if (!m)
		return r;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	make_one_line(text);
	memcpy(m->text, text, sizeof(text));
	m->r = r;
	m->function = NULL;
	m->is_fresh = true;
	errno = error;
	return r;
}

bool is_refused(int r)
{
	return thread_refusal && thread_refusal->is_fresh &&
	       thread_refusal->r == r;
}

void refuse_nothing(void)
{
	if (thread_refusal)
		thread_refusal->is_fresh = false;
}

struct refusal *refuse_take(void)
{
	struct refusal *m = thread_refusal;

	if (!m || !m->is_fresh)
		return NULL;
	thread_refusal = NULL;
	pthread_setspecific(key, NULL);
	return m;
}

void refuse_give(struct refusal *refusal)
{
	if (refusal)
		refuse(refusal->r, "%s", refusal->text);
	free(refusal);
}

uint32_t refuse_serial(void)
{
	return thread_refusal ? thread_refusal->serial : 0;
}

int refuse_callback(int r, uint32_t serial, const char *path,
		    const char *callback)
{
	const struct refusal *m = thread_refusal;

	/* The callback passes on the error of its last call. */
	if (m && m->r == r && m->serial != serial)
		return refuse(r, "arena '%s': %s() failed: %s", path, callback,
			      fusion_strerror(r));
	return refuse(r,
		      "arena '%s': %s(), a function of this program, "
		      "returned %d (%s)",
		      path, callback, r, strerrordesc_np(-r));
}

/* Errors that programs expect are not errors to readers of the log. */
static int level_of(const struct refusal *m)
{
	if (m->function)
		return LOG_DEBUG;
	switch (-m->r) {
	case EAGAIN:
	case EBUSY:
	case EEXIST:
	case EINTR:
	case ENOENT:
	case ETIMEDOUT:
		return LOG_INFO;
	}
	return LOG_ERR;
}

int told_error(int r, const char *function)
{
	struct refusal *m = refusal_of_thread();
	int level, error = errno;

	if (m) {
		if (!m->is_fresh || m->r != r) {
			m->r = r;
			m->function = function;
		}
		m->is_fresh = false;
		m->serial++;
		level = level_of(m);
		if (log_wants(level))
			log_message(level, "%s", fusion_strerror(r));
	}
	errno = error;
	return r;
}

/* --- Things and their names ------------------------------------------------
 */

int refuse_name(int r, const char *what, const char *name)
{
	const char *why = "no control character may be in it";

	if (!name || !*name)
		return refuse(r,
			      "no name for the %s: give one of 1 to %d bytes",
			      what, ENTRY_NAME_MAX);
	if (r == -ENAMETOOLONG)
		return refuse(r,
			      "%s '%s': the name has %zu bytes, %d are the "
			      "most",
			      what, name, strlen(name), ENTRY_NAME_MAX);
	if (*name == '.')
		why = "it may not begin with '.'";
	else if (strchr(name, '/'))
		why = "no '/' may be in it";
	else if (*name == '#' && name_check_arena(name) == 0)
		why = "'#' and a number are for things without a name";
	return refuse(r, "%s '%s': the name is not valid: %s", what, name, why);
}

int refuse_handle(const char *what, const void *p)
{
	if (p && orphan_is(p))
		return refuse(
			-ECHILD,
			"%p is a %s of an arena that this process' parent "
			"is in: enter the arena here, or let the parent "
			"enter with FUSION_ENTER_FORK",
			p, what);
	return refuse(-EINVAL,
		      "%p is no %s of an arena that this process is in", p,
		      what);
}

int refuse_null(const char *what, const char *argument)
{
	return refuse(-EINVAL, "%s: the argument %s is NULL", what, argument);
}

int refuse_flags(const char *what, uint32_t flags, uint32_t known)
{
	return refuse(-EINVAL,
		      "%s: the flags 0x%x are not valid here (0x%x are)", what,
		      flags & ~known, known);
}

int refuse_size(const char *what, size_t size, size_t most)
{
	return refuse(-EINVAL,
		      "struct %s: its size member is %zu: set it to "
		      "sizeof(struct %s), which is %zu for this library",
		      what, size, what, most);
}

int refuse_reserved(const char *what)
{
	return refuse(-EINVAL,
		      "struct %s: its member reserved is not 0: set the whole "
		      "struct to zero, then what you want",
		      what);
}
