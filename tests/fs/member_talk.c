/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands of a member that talks
 *
 *   handle [TYPE]            messages of this type, or all others, become lines
 *                            "message TYPE from SENDER size BYTES: TEXT"
 *   send ID TYPE TEXT [MS]
 *   sync                     wait until what has come is handled
 *   call NAME HOW [N]        make one; executing it is a line "call NAME from
 *                            CALLER word WORD size BYTES: TEXT", and then
 *                            HOW is: echo, word (the word + 1), empty, big (N
 *                            bytes), die, defer, or an error's name
 *   execute NAME WORD TEXT   "answer WORD size BYTES: TEXT"
 *   return NAME WORD TEXT    the deferred one that came first
 *   return-error NAME ENAME
 *   destroy-call NAME  quota NAME ID|all LIMIT
 *   reactor NAME [CELLS]     make one
 *   listen NAME CHANNEL [block|drop|disconnect MS]   its messages are lines
 *                            "heard NAME CHANNEL from SENDER size BYTES: TEXT",
 *                            "lost NAME CHANNEL" when it is disconnected
 *   unlisten NAME CHANNEL  destroy-reactor NAME
 *   fork-listen NAME         a child that listens too ("child heard ..."), but
 *                            not to channel 99 of NAME
 *   fork-detach NAME CHANNEL   a child, which is no member, has nothing to
 *                              detach: -EINVAL; it ends
 *   dispatch NAME CHANNEL TEXT [COUNT]   TEXT, or COUNT of them: TEXT1 ...
 */
#include "member.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_MAX 63
#define CALLS 16
#define LISTENS 16

/* Printable, and not too long. */
static void copy_text(char text[TEXT_MAX + 1], const void *data, size_t size)
{
	const unsigned char *p = data;
	size_t n = size < TEXT_MAX ? size : TEXT_MAX;

	for (size_t i = 0; i < n; i++)
		text[i] = isprint(p[i]) ? (char)p[i] : '.';
	text[n] = 0;
}

static void on_message(const struct fusion_message *m, void *ctx)
{
	char text[TEXT_MAX + 1];

	(void)ctx;
	copy_text(text, m->data, m->size);
	said("message %u from %u size %zu: %s", m->type, m->sender, m->size,
	     text);
}

static int do_handle(const struct words *c)
{
	uint32_t type = c->n > 1 ? (uint32_t)number(c, 1) : FUSION_ANY_TYPE;

	return answer(fusion_message_handle(arena_now(), type, on_message, NULL,
					    NULL, NULL));
}

static int do_send(const struct words *c)
{
	const char *text = word(c, 3);

	return answer(fusion_message_send(
		arena_now(), (fusion_id_t)number(c, 1), (uint32_t)number(c, 2),
		text, strlen(text), 0, c->n > 4 ? ms(c, 4) : 0));
}

static int do_sync(const struct words *c)
{
	(void)c;
	return answer(fusion_arena_sync(arena_now(), FUSION_FOREVER, 0));
}

/* --- Calls ----------------------------------------------------------------
 */

static struct made {
	char name[64], how[16];
	uint64_t n;
	struct fusion_call *call;
	uint64_t serials[64]; /* deferred, oldest first */
	unsigned n_serials;
} made[CALLS];

static int reply_big(const struct fusion_call_request *rq, size_t n)
{
	char *p = malloc(n ? n : 1);
	int r;

	if (!p)
		return -ENOMEM;
	memset(p, 'b', n);
	r = fusion_call_reply(rq, n, p, n);
	free(p);
	return r;
}

static int execute_as(struct made *m, const struct fusion_call_request *rq)
{
	if (!strcmp(m->how, "echo"))
		return fusion_call_reply(rq, rq->word, rq->data, rq->size);
	if (!strcmp(m->how, "word"))
		return fusion_call_reply(rq, rq->word + 1, NULL, 0);
	if (!strcmp(m->how, "empty"))
		return 0;
	if (!strcmp(m->how, "big"))
		return reply_big(rq, m->n);
	if (!strcmp(m->how, "die"))
		kill(getpid(), SIGKILL);
	if (!strcmp(m->how, "defer") && m->n_serials < 64) {
		m->serials[m->n_serials++] = fusion_call_serial(rq);
		return FUSION_CALL_DEFER;
	}
	return -errno_of(m->how);
}

static int on_call(const struct fusion_call_request *rq, void *ctx)
{
	char text[TEXT_MAX + 1];
	struct made *m = ctx;

	copy_text(text, rq->data, rq->size);
	said("call %s from %u word %lld size %zu: %s", m->name, rq->caller,
	     (long long)rq->word, rq->size, text);
	return execute_as(m, rq);
}

static struct made *find_made(const char *name)
{
	for (int i = 0; i < CALLS; i++)
		if (made[i].call && !strcmp(made[i].name, name))
			return &made[i];
	return NULL;
}

static int do_call(const struct words *c)
{
	struct made *m = made;
	int r;

	while (m < made + CALLS && m->call)
		m++;
	if (m == made + CALLS)
		return answer(-EMFILE);
	*m = (struct made){.n = number(c, 3)};
	snprintf(m->name, sizeof(m->name), "%s", word(c, 1));
	snprintf(m->how, sizeof(m->how), "%s", word(c, 2));
	r = fusion_call_create(
		arena_now(), m->name,
		&(struct fusion_call_options){
			.size = sizeof(struct fusion_call_options),
			.fn = on_call,
			.ctx = m},
		&m->call);
	if (r < 0)
		m->call = NULL;
	return answer(r);
}

static int find_call(const struct words *c, struct fusion_call **ret)
{
	return fusion_call_lookup(arena_now(), word(c, 1), ret);
}

static int do_execute(const struct words *c)
{
	struct fusion_call *call;
	const char *in = word(c, 3);
	struct fusion_call_answer a = FUSION_CALL_ANSWER_INIT;
	char out[4096], text[TEXT_MAX + 1];
	int r = find_call(c, &call);

	a.data = out;
	a.capacity = sizeof(out);
	if (r == 0)
		r = fusion_call_execute(call, NULL, number(c, 2), in,
					strlen(in), &a);
	if (r < 0 || a.status < 0)
		return answer(r < 0 ? r : a.status);
	copy_text(text, out, a.length);
	return said("answer %lld size %zu: %s", (long long)a.word, a.length,
		    text);
}

/* The deferred one that came first, 0 none. */
static uint64_t next_serial(struct made *m)
{
	uint64_t serial;

	if (!m || !m->n_serials)
		return 0;
	serial = m->serials[0];
	m->n_serials--;
	memmove(m->serials, m->serials + 1, m->n_serials * sizeof(*m->serials));
	return serial;
}

static int do_return(const struct words *c)
{
	struct made *m = find_made(word(c, 1));
	uint64_t serial = next_serial(m);
	const char *text = word(c, 3);

	if (!serial)
		return answer(-ENOENT);
	return answer(fusion_call_return(m->call, serial, number(c, 2), text,
					 strlen(text)));
}

static int do_return_error(const struct words *c)
{
	struct made *m = find_made(word(c, 1));
	uint64_t serial = next_serial(m);

	if (!serial)
		return answer(-ENOENT);
	return answer(fusion_call_return_error(m->call, serial,
					       -errno_of(word(c, 2))));
}

static int do_destroy_call(const struct words *c)
{
	struct made *m = find_made(word(c, 1));
	struct fusion_call *call;
	int r = find_call(c, &call);

	if (r == 0)
		r = fusion_call_destroy(call);
	if (m)
		m->call = NULL;
	return answer(r);
}

static int do_quota(const struct words *c)
{
	struct fusion_call *call;
	int r = find_call(c, &call);

	/* The answer comes before the lines of calls that may run now. */
	flockfile(stdout);
	if (r == 0)
		r = fusion_call_set_quota(call,
					  !strcmp(word(c, 2), "all")
						  ? FUSION_ALL
						  : (fusion_id_t)number(c, 2),
					  (uint32_t)number(c, 3));
	r = answer(r);
	funlockfile(stdout);
	return r;
}

/* --- Reactors -------------------------------------------------------------
 */

static struct listened {
	char name[64];
	uint32_t channel;
	struct fusion_reaction *reaction;
	pid_t pid;
} listened[LISTENS];

static int do_reactor(const struct words *c)
{
	struct fusion_reactor_options o = {
		.size = sizeof(o),
		.cells = (uint32_t)number(c, 2),
	};
	struct fusion_reactor *re;

	return answer(fusion_reactor_create(arena_now(), word(c, 1), &o, &re));
}

static int find_reactor(const struct words *c, struct fusion_reactor **ret)
{
	return fusion_reactor_lookup(arena_now(), word(c, 1), ret);
}

static enum fusion_reaction_result
on_reaction(const struct fusion_reactor_message *m, void *ctx)
{
	const struct listened *l = ctx;
	char text[TEXT_MAX + 1];

	if (m->event != FUSION_REACTOR_DATA) {
		said("lost %s %u", l->name, l->channel);
		return FUSION_REACTION_KEEP;
	}
	copy_text(text, m->data, m->size);
	said("%sheard %s %u from %u size %zu: %s",
	     getpid() == l->pid ? "" : "child ", l->name, m->channel, m->sender,
	     m->size, text);
	return FUSION_REACTION_KEEP;
}

static struct listened *find_listened(const char *name, uint32_t channel)
{
	for (int i = 0; i < LISTENS; i++)
		if (!strcmp(listened[i].name, name) &&
		    listened[i].channel == channel)
			return &listened[i];
	return NULL;
}

static uint32_t policy_of(const char *w)
{
	return !strcmp(w, "drop")	  ? FUSION_REACTOR_DROP_OLDEST
	       : !strcmp(w, "disconnect") ? FUSION_REACTOR_DISCONNECT
					  : FUSION_REACTOR_BLOCK;
}

static int do_listen(const struct words *c)
{
	struct fusion_reactor_policy policy = {
		.size = sizeof(policy),
		.kind = policy_of(word(c, 3)),
		.limit_ns = ms(c, 4),
	};
	struct listened *l = find_listened("", 0);
	struct fusion_reactor *re;
	int r = find_reactor(c, &re);

	if (r < 0 || !l)
		return answer(r < 0 ? r : -EMFILE);
	snprintf(l->name, sizeof(l->name), "%s", word(c, 1));
	l->channel = (uint32_t)number(c, 2);
	l->pid = getpid();
	r = fusion_reactor_attach(
		re,
		&(const struct fusion_reactor_attach_options){
			.size = sizeof(struct fusion_reactor_attach_options),
			.channel = l->channel,
			.policy = c->n > 3 ? &policy : NULL},
		on_reaction, l, &l->reaction);
	if (r < 0)
		*l = (struct listened){0};
	return answer(r);
}

static int do_unlisten(const struct words *c)
{
	struct listened *l = find_listened(word(c, 1), (uint32_t)number(c, 2));
	int r;

	if (!l)
		return answer(-ENOENT);
	r = fusion_reactor_detach(l->reaction);
	*l = (struct listened){0};
	return answer(r);
}

/* The child has all the reactions, and takes away the one on channel 99. */
static int do_fork_listen(const struct words *c)
{
	struct listened *l = find_listened(word(c, 1), 99);
	pid_t pid = fork();

	if (pid < 0)
		return answer(-errno);
	if (pid)
		return answer(0);
	if (!l || fusion_reactor_detach(l->reaction) < 0)
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

/* The child listens to nothing, and detaches all the same. */
static int do_fork_detach(const struct words *c)
{
	struct listened *l = find_listened(word(c, 1), (uint32_t)number(c, 2));
	pid_t pid = l ? fork() : -1;
	int status;

	if (pid < 0)
		return answer(l ? -errno : -ENOENT);
	if (!pid)
		_exit(fusion_reactor_detach(l->reaction) != -EINVAL);
	if (waitpid(pid, &status, 0) < 0)
		return answer(-errno);
	return answer(status == 0 ? 0 : -EFAULT);
}

static int do_dispatch(const struct words *c)
{
	uint64_t count = c->n > 4 ? number(c, 4) : 0;
	uint32_t channel = (uint32_t)number(c, 2);
	struct fusion_reactor *re;
	char text[128];
	int r = find_reactor(c, &re);

	if (r == 0 && !count)
		return answer(fusion_reactor_dispatch(
			re,
			&(const struct fusion_reactor_dispatch_options){
				.size = sizeof(
					struct fusion_reactor_dispatch_options),
				.channel = channel,
			},
			word(c, 3), strlen(word(c, 3))));
	for (uint64_t i = 1; r == 0 && i <= count; i++) {
		int n = snprintf(text, sizeof(text), "%s%llu\n", word(c, 3),
				 (unsigned long long)i);

		r = fusion_reactor_dispatch(
			re,
			&(const struct fusion_reactor_dispatch_options){
				.size = sizeof(
					struct fusion_reactor_dispatch_options),
				.channel = channel,
			},
			text, (size_t)n);
	}
	return answer(r);
}

static int do_destroy_reactor(const struct words *c)
{
	struct fusion_reactor *re;
	int r = find_reactor(c, &re);

	return answer(r < 0 ? r : fusion_reactor_destroy(re));
}

const struct command talk_commands[] = {
	{"reactor", do_reactor, true},
	{"listen", do_listen, true},
	{"unlisten", do_unlisten, true},
	{"dispatch", do_dispatch, true},
	{"fork-listen", do_fork_listen, true},
	{"fork-detach", do_fork_detach, true},
	{"destroy-reactor", do_destroy_reactor, true},
	{"call", do_call, true},
	{"destroy-call", do_destroy_call, true},
	{"execute", do_execute, true},
	{"quota", do_quota, true},
	{"return", do_return, true},
	{"return-error", do_return_error, true},
	{"handle", do_handle, true},
	{"send", do_send, true},
	{"sync", do_sync, true},
	{0},
};
