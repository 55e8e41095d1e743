/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/hand_over.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fusionfs/base/log.h"
#include "fusionfs/base/loop.h"
#include "fusionfs/service/waiters.h"
#include "fusionfs/world/node.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"

#define PATROL_NS 1000000000
#define BIND_STACK 131072
#define CONNECTIONS_MAX 128   /* that have not sent their token yet */
#define CONNECTIONS_OF_UID 16 /* of these, of one user */
#define CONNECTION_PATROLS 2  /* then it is hung up on */

struct offer {
	struct offer *next;
	struct arena *arena;
	uint32_t id;
	pid_t pid;
	int lock, witness; /* witness 0: none is offered */
	struct hand_over_token token;
};

struct connection {
	struct source source;
	struct connection *next; /* the older one */
	int fd;
	uid_t uid;
	pid_t pid;
	unsigned patrols;
};

static struct offer *offers;
static struct connection *connections;

/* --- Offers --------------------------------------------------------------- */

static void offer_free(struct offer *o)
{
	if (o->lock >= 0)
		close(o->lock);
	if (o->witness > 0)
		close(o->witness);
	free(o);
}

int offer_make(struct arena *a, bool with_witness, struct offer **ret)
{
	struct offer *o = malloc(sizeof(*o));
	int r;

	if (!o)
		return -ENOMEM;
	*o = (struct offer){.arena = a};
	r = o->lock = store_open_lock(&a->store);
	if (r >= 0 && with_witness) {
		r = store_open_lock(&a->store);
		o->witness = r < 0 ? 0 : r;
	}
	if (r >= 0 && getrandom(&o->token, sizeof(o->token), 0) !=
			      (ssize_t)sizeof(o->token))
		r = -EIO;
	if (r < 0) {
		offer_free(o);
		return r;
	}
	*ret = o;
	return 0;
}

int offer_witness(const struct offer *o)
{
	return o->witness;
}

void offer_publish(struct offer *o, uint32_t id, pid_t pid,
		   struct hand_over_token *ret)
{
	o->id = id;
	o->pid = pid;
	*ret = o->token;
	o->next = offers;
	offers = o;
}

bool offer_is_pending(const struct arena *a, uint32_t id)
{
	const struct offer *o = offers;

	while (o && !(o->arena == a && o->id == id))
		o = o->next;
	return o;
}

void offer_cancel(struct offer *o)
{
	if (o)
		offer_free(o);
}

void offers_forget(struct arena *a, uint32_t id)
{
	struct offer **p = &offers, *o;

	while ((o = *p)) {
		if (o->arena == a && (!id || o->id == id)) {
			*p = o->next;
			offer_free(o);
		} else {
			p = &o->next;
		}
	}
}

static struct offer *offer_take(const struct hand_over_token *token, pid_t pid)
{
	struct offer **p = &offers, *o;

	while ((o = *p) && memcmp(&o->token, token, sizeof(*token)) != 0)
		p = &o->next;
	/* A pid of 0 is that of a process in a pid namespace outside. */
	if (!o || (pid && o->pid != pid))
		return NULL;
	*p = o->next;
	return o;
}

/* --- Connections ---------------------------------------------------------- */

static void hang_up(struct connection *c)
{
	struct connection **p = &connections;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	loop_drop(&c->source);
	close(c->fd);
	free(c);
}

/* Send @size bytes and @n descriptors, at most HAND_OVER_FDS.  0, -errno. */
static int send_fds(int to, const void *data, size_t size, const int *fds,
		    unsigned n)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(HAND_OVER_FDS * sizeof(int))];
	} control = {.bytes = {0}};
	struct iovec iov = {(void *)(uintptr_t)data, size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, n * sizeof(int));
	}
	return sendmsg(to, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static void send_offer(int fd, const struct offer *o)
{
	const int fds[] = {o->arena->store.heap, o->lock, o->witness};
	int r = send_fds(fd, "", 1, fds, o->witness > 0 ? 3 : 2);

	if (r < 0)
		note("arena '%s': cannot hand descriptors to process %d: %s",
		     o->arena->name, (int)o->pid, strerror(-r));
}

/* Receive the token, which is one message of a process that says nothing else.
 * A process that sends a part of a token is turned away. */
static void connection_ready(struct source *s)
{
	struct connection *c = (struct connection *)s;
	struct hand_over_token token;
	ssize_t n = recv(c->fd, &token, sizeof(token), MSG_DONTWAIT);
	struct offer *o;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	o = n == (ssize_t)sizeof(token) ? offer_take(&token, c->pid) : NULL;
	if (o) {
		send_offer(c->fd, o);
		offer_free(o);
	}
	hang_up(c);
}

static void make_room_for_connection(uid_t uid)
{
	struct connection *oldest = NULL, *theirs = NULL;
	unsigned all = 0, n = 0;

	for (struct connection *c = connections; c; c = c->next) {
		all++;
		oldest = c;
		if (c->uid == uid) {
			n++;
			theirs = c;
		}
	}
	if (n >= CONNECTIONS_OF_UID)
		hang_up(theirs);
	else if (all >= CONNECTIONS_MAX)
		hang_up(oldest);
}

static int add_connection(int fd)
{
	struct ucred who;
	socklen_t size = sizeof(who);
	struct connection *c;
	int r;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		return -errno;
	make_room_for_connection(who.uid);
	c = malloc(sizeof(*c));
	if (!c)
		return -ENOMEM;
	*c = (struct connection){
		.source.ready = connection_ready,
		.next = connections,
		.fd = fd,
		.uid = who.uid,
		.pid = who.pid,
	};
	r = loop_add(&c->source, fd);
	if (r < 0) {
		free(c);
		return r;
	}
	connections = c;
	/* The token is there already, as a rule. */
	connection_ready(&c->source);
	return 0;
}

/* --- The socket ----------------------------------------------------------- */

static struct {
	struct source listening; /* of fd */
	struct source told;	 /* of report[0] */
	int fd;			 /* -1: not bound */
	bool binding;		 /* a thread is at it */
	bool deaf;		 /* no descriptors: until the next patrol */
	int report[2];		 /* sockets: the thread sends how it went */
	/* Atomic: the thread that binds, 0: none; and whether op_mknod() has
	 * made the file for it.  bind_thread() stores tid, released, before it
	 * asks for the file, and hand_over_bound() acquires tid.  That function
	 * releases `made` before MKNOD is answered, and bind_socket_in()
	 * acquires it after bind(2) has returned. */
	int tid, made;
} hand_over = {.fd = -1};

static void accept_ready(struct source *s)
{
	(void)s;
	for (int i = 0; i < CONNECTIONS_OF_UID; i++) {
		int fd = accept4(hand_over.fd, NULL, NULL,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			if (add_connection(fd) < 0)
				close(fd);
			continue;
		}
		if (errno != EMFILE && errno != ENFILE && errno != ENOMEM)
			return;
		/* Its descriptor would be ready again and again. */
		loop_remove(hand_over.fd);
		hand_over.deaf = true;
		return;
	}
}

/* Bind a socket in directory @mnt.  If op_mknod() has not made the file,
 * something else is mounted over our mount. */
static int bind_socket_in(int mnt)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = 0;

	if (fd < 0)
		return -errno;
	snprintf(at.sun_path, sizeof(at.sun_path),
		 "/proc/thread-self/fd/%d/" HAND_OVER_NAME, mnt);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		r = -errno;
	} else if (!load_acquire(&hand_over.made)) {
		unlinkat(mnt, HAND_OVER_NAME, 0);
		r = -EXDEV;
	} else if (listen(fd, SOMAXCONN) < 0) {
		r = -errno;
	}
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}

/* Send the result @r, a socket or -errno, to the main thread, which waits for
 * it.  The report is a datagram and there is one at a time, so there is room
 * for it; an error needs no room for a descriptor. */
static void send_bind_report(int report, int r)
{
	int sent = send_fds(report, &r, sizeof(r), &r, r >= 0);

	if (sent < 0)
		send_fds(report, &sent, sizeof(sent), NULL, 0);
}

/* Receive what send_bind_report() was told: the socket, or -errno. */
static int take_bind_report(void)
{
	int r = -EIO;
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(r))];
	} control;
	struct iovec iov = {&r, sizeof(r)};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *c;
	ssize_t n = recvmsg(hand_over.report[0], &msg,
			    MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n != sizeof(r))
		return n < 0 ? -errno : -EIO;
	if (r < 0)
		return r;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != SCM_RIGHTS || msg.msg_flags & MSG_CTRUNC)
		return -EMFILE;
	memcpy(&r, CMSG_DATA(c), sizeof(r));
	return r;
}

/*
 * Give this thread descriptors of its own, and none of ours but @report.
 *
 * The thread asks its own daemon.  The kernel waits for the answer to a request
 * that the daemon has read, whatever happens.  If the daemon were killed
 * meanwhile, the device would stay open in this thread, and the thread would
 * wait for the device: neither the daemon nor a process that uses the mount
 * could ever end.
 */
static int leave_daemon_descriptors(int report)
{
	if (unshare(CLONE_FILES) < 0 ||
	    close_range((unsigned)report + 1, ~0u, 0) < 0 ||
	    (report && close_range(0, (unsigned)report - 1, 0) < 0))
		return -errno;
	return 0;
}

static void *bind_thread(void *unused)
{
	int report = hand_over.report[1], mnt = -1, r;

	(void)unused;
	store_release(&hand_over.tid, (int)gettid());
	r = leave_daemon_descriptors(report);
	if (!r)
		mnt = open(world.options->mountpoint,
			   O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!r)
		r = mnt < 0 ? -errno : bind_socket_in(mnt);
	/* An open descriptor would keep the mount busy. */
	if (mnt >= 0)
		close(mnt);
	store_release(&hand_over.tid, 0);
	send_bind_report(report, r);
	/* The socket is the main thread's now; this descriptor of it goes with
	 * the thread. */
	return NULL;
}

static int start_bind_thread(void)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	/* A small stack, as the next thread may begin before this one has
	 * ended. */
	pthread_attr_setstacksize(&attr, BIND_STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	r = pthread_create(&thread, &attr, bind_thread, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -r;
}

int hand_over_bound(pid_t tid)
{
	if (tid <= 0 || tid != load_acquire(&hand_over.tid))
		return -EPERM;
	store_release(&hand_over.made, 1);
	return 0;
}

int hand_over_check(const struct node *n)
{
	(void)n;
	return load_acquire(&hand_over.made) ? 0 : -ENOENT;
}

static void unbind_socket(void)
{
	if (hand_over.fd >= 0)
		close(hand_over.fd);
	hand_over.fd = -1;
	hand_over.deaf = false;
	store_release(&hand_over.made, 0);
}

int hand_over_listen(void)
{
	int r;

	if (hand_over.fd >= 0)
		return 0;
	if (hand_over.binding)
		return 1;
	store_release(&hand_over.made, 0);
	r = start_bind_thread();
	hand_over.binding = r == 0;
	return r < 0 ? r : 1;
}

static void complain_unbound(int r)
{
	complain("cannot make %s/" HAND_OVER_NAME
		 ", by which arenas are joined: %s%s",
		 world.options->mountpoint, strerror(-r),
		 r == -EXDEV ? ": something is mounted over this mount" : "");
}

static void bind_thread_ended(struct source *s)
{
	struct arena *a, *next;
	int r = take_bind_report();

	(void)s;
	hand_over.binding = false;
	if (r >= 0) {
		hand_over.fd = r;
		r = loop_add(&hand_over.listening, r);
	}
	if (r < 0) {
		complain_unbound(r);
		unbind_socket();
	}
	for (a = world.arenas; a; a = next) {
		next = a->next;
		if (r < 0)
			waiters_fail_joins(a, r);
		else if (a->waiters)
			waiters_look(a);
	}
	hand_over_rest();
}

int hand_over_init(void)
{
	hand_over.listening.ready = accept_ready;
	hand_over.told.ready = bind_thread_ended;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
		       hand_over.report) < 0)
		return -errno;
	return loop_add(&hand_over.told, hand_over.report[0]);
}

void hand_over_rest(void)
{
	if (hand_over.fd < 0 || hand_over.binding)
		return;
	for (const struct arena *a = world.arenas; a; a = a->next)
		if (a->members || a->waiters)
			return;
	loop_drop(&hand_over.listening);
	unbind_socket();
}

void hand_over_stop(void)
{
	while (offers)
		offers_forget(offers->arena, 0);
	while (connections)
		hang_up(connections);
	unbind_socket();
}

void hand_over_patrol(void)
{
	static int64_t due_ns;
	int64_t now = clock_monotonic_ns();
	struct connection *c, *next;

	if (now < due_ns)
		return;
	due_ns = now + PATROL_NS;
	for (c = connections; c; c = next) {
		next = c->next;
		if (c->patrols++ >= CONNECTION_PATROLS)
			hang_up(c);
	}
	if (hand_over.deaf && hand_over.fd >= 0 &&
	    loop_add(&hand_over.listening, hand_over.fd) == 0)
		hand_over.deaf = false;
	hand_over_rest();
}
