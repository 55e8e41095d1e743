/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fetching an arena's descriptors from the daemon
 *
 * The descriptors come over a socket in the arena's directory, for a token that
 * the daemon gave in its answer to JOIN or RENEW.  While a description of the
 * lock file is a descriptor of this process, no thread may fork (fork_lock): a
 * child that had the description would keep its parent's witness.
 */
#include "libfusion/arena/hand_over.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libfusion/arena/directory.h"
#include "libfusion/arena/request.h"
#include "libfusion/core/base/fd.h"
#include "libfusion/core/life/witness.h"

static int connect_to(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct fd_floor floor;
	int fd, r;

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	strcpy(to.sun_path, path);
	fd_floor_lay(&floor);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fd = fd < 0 ? -errno : fd_raise(fd);
	fd_floor_lift(&floor);
	if (fd < 0)
		return fd;
	while (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		if (errno == EINTR)
			continue;
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* By the open directory, as the name of a socket has but 108 bytes; by its path
 * where there is no /proc. */
static int connect_in(int dirfd, const char *dir)
{
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int fd, n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/" HAND_OVER_NAME, dirfd);
	fd = connect_to(path);
	if (fd != -ENOENT && fd != -ENOTDIR)
		return fd;
	n = snprintf(path, sizeof(path), "%s/" HAND_OVER_NAME, dir);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	return connect_to(path);
}

static int send_token(int fd, const struct hand_over_token *token)
{
	ssize_t n;

	do
		n = send(fd, token, sizeof(*token), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(*token) ? 0 : -EPIPE;
}

/* The descriptors in @msg: how many, or -errno and none. */
static int take_fds(struct msghdr *msg, int fds[HAND_OVER_FDS])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int n, r = 0;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return msg->msg_flags & MSG_CTRUNC ? -EMFILE : -EPROTO;
	n = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(fds, CMSG_DATA(c), (size_t)n * sizeof(int));
	for (int i = 0; i < n; i++) {
		fds[i] = fd_raise(fds[i]);
		r = fds[i] < 0 ? fds[i] : r;
	}
	/* The kernel leaves out what there is no room for. */
	if (msg->msg_flags & MSG_CTRUNC)
		r = -EMFILE;
	else if (n < 2)
		r = -EPROTO;
	for (int i = 0; r < 0 && i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return r < 0 ? r : n;
}

static int receive_fds(int fd, int fds[HAND_OVER_FDS])
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(HAND_OVER_FDS * sizeof(int))];
	} control;
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct fd_floor floor;
	ssize_t n;
	int r;

	fd_floor_lay(&floor);
	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	/* The daemon hangs up on a token that it does not know. */
	r = n < 0 ? -errno : n == 0 ? -ESTALE : take_fds(&msg, fds);
	fd_floor_lift(&floor);
	return r;
}

/* Until there is an answer, without a lock: the daemon may be stopped. */
static int await_daemon(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int take_handed(int fd, struct handed *ret)
{
	int fds[HAND_OVER_FDS] = {-1, -1, -1};
	int n = receive_fds(fd, fds), r = 0;

	if (n < 0)
		return n;
	*ret = (struct handed){.heap = fds[0], .lock = fds[1]};
	if (n > 2)
		r = witness_keep(fds[2], &ret->witness);
	if (r < 0)
		handed_close(ret);
	return r;
}

/* Taken while a description is a descriptor of this process, and across fork:
 * a child that had the description would keep its parent's witness.  Innermost
 * of our locks. */
static pthread_mutex_t fork_lock = PTHREAD_MUTEX_INITIALIZER;

static int fetch_handed(int dirfd, const char *path,
			const struct hand_over_token *token, struct handed *ret)
{
	int fd = connect_in(dirfd, path), r;

	if (fd < 0)
		return fd;
	r = send_token(fd, token);
	if (!r)
		r = await_daemon(fd);
	if (!r) {
		pthread_mutex_lock(&fork_lock);
		r = take_handed(fd, ret);
		pthread_mutex_unlock(&fork_lock);
	}
	close(fd);
	return r;
}

int hand_over_fetch(int dirfd, const char *path,
		    const struct hand_over_token *token, struct handed *ret)
{
	int r = fetch_handed(dirfd, path, token, ret);

	switch (r) {
	case -ECONNREFUSED: /* nobody listens at that file any more ... */
	case -ECONNRESET:
	case -EPIPE:
	case -ENOENT: /* ... or it is not there */
		return -ESTALE;
	}
	return r < 0 && dir_is_gone(-r) ? -ENOTCONN : r;
}

void handed_close(struct handed *h)
{
	fd_drop(&h->heap);
	fd_drop(&h->lock);
	witness_drop(&h->witness);
}

/* Which of several threads comes first does not matter: the others find the
 * descriptors there, or fetch them once more. */
static pthread_mutex_t renew_lock = PTHREAD_MUTEX_INITIALIZER;

static int request_again(struct fusion_arena *a, struct handed *ret)
{
	struct ioc_renew args = {.slot = a->view.slot, .id = a->id};
	int r = arena_ask(a, FUSION_IOC_RENEW, &args);

	return r < 0 ? r
		     : hand_over_fetch(a->dirfd, a->dir_path, &args.token, ret);
}

static int renew_fds(struct fusion_arena *a)
{
	struct handed h = {.heap = -1, .lock = -1};
	int r = request_again(a, &h);

	if (r < 0)
		return r;
	r = view_replace(&a->view, h.heap, h.lock);
	if (r == 0)
		h.heap = h.lock = -1;
	handed_close(&h);
	return r;
}

int hand_over_description(struct fusion_arena *a)
{
	struct handed h = {.heap = -1, .lock = -1};
	int r = request_again(a, &h), fd = h.lock;

	if (r < 0)
		return r;
	h.lock = -1;
	handed_close(&h);
	return fd;
}

void hand_over_before_fork(void)
{
	pthread_mutex_lock(&fork_lock);
}

void hand_over_after_fork(bool child)
{
	if (child) {
		pthread_mutex_init(&fork_lock, NULL);
		pthread_mutex_init(&renew_lock, NULL);
	} else {
		pthread_mutex_unlock(&fork_lock);
	}
}

int hand_over_renew(struct view *v)
{
	/* The view is the first member of its handle. */
	struct fusion_arena *a = (struct fusion_arena *)v;
	int r;

	_Static_assert(offsetof(struct fusion_arena, view) == 0, "cast above");
	if (!a->id)
		return -EBADF;
	pthread_mutex_lock(&renew_lock);
	r = renew_fds(a);
	pthread_mutex_unlock(&renew_lock);
	return r;
}
