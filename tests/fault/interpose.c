/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An interposer (LD_PRELOAD) that makes the n-th call of a class fail
 *
 * Only calls count whose return address lies in the product: libfusion.so, or
 * the program itself if that is fusionfs.  Calls by libc or by the test do not
 * count.  A call that fails has no effect, as a call of the system that fails.
 * What runs here must not allocate, and keeps no descriptor: the daemon closes
 * all that it has inherited.
 */
#include "tests/fault/control.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* The function behind ours. */
#define NEXT(name) ((__typeof__(&name))next(&next_##name, #name))
#define CALLER __builtin_return_address(0)

struct range {
	uintptr_t start, end, bias;
};

static struct fault_control *control;
static struct range product, libfuse;
static uint64_t jumped_ns;

static void *next(void **at, const char *name)
{
	void *p = __atomic_load_n(at, __ATOMIC_RELAXED);

	if (!p) {
		p = dlsym(RTLD_NEXT, name);
		if (!p)
			abort();
		__atomic_store_n(at, p, __ATOMIC_RELAXED);
	}
	return p;
}

/* --- Whose call, and is it its turn? -------------------------------------- */

static int see_module(struct dl_phdr_info *info, size_t size, void *program)
{
	const char *base = strrchr(info->dlpi_name, '/');
	struct range *r = NULL;

	(void)size;
	base = base ? base + 1 : info->dlpi_name;
	if (!strncmp(base, "libfuse3.so", 11))
		r = &libfuse;
	else if (!strncmp(base, "libfusion.so", 12) ||
		 (!*base && *(bool *)program && !product.end))
		r = &product;
	for (int i = 0; r && i < info->dlpi_phnum; i++) {
		uintptr_t from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr,
			  to = from + info->dlpi_phdr[i].p_memsz;

		if (info->dlpi_phdr[i].p_type != PT_LOAD ||
		    !(info->dlpi_phdr[i].p_flags & PF_X))
			continue;
		*r = (struct range){from, to, info->dlpi_addr};
	}
	return 0;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("FAULT_CONTROL");
	bool daemon = !strncmp(program_invocation_short_name, "fusionfs", 8);
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p;

	if (fd < 0)
		return;
	p = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 0);
	close(fd);
	if (p == MAP_FAILED)
		return;
	dl_iterate_phdr(see_module, &daemon);
	__atomic_store_n(&control, p, __ATOMIC_RELEASE);
}

static bool is_in(const struct range *r, const void *at)
{
	return (uintptr_t)at >= r->start && (uintptr_t)at < r->end;
}

/* Note that the @n-th call was made at @at. */
static void note_site(struct fault_control *c, uint64_t at, uint32_t n)
{
	uint32_t i = 0;

	while (__atomic_exchange_n(&c->sites_lock, 1, __ATOMIC_ACQUIRE))
		sched_yield();
	while (i < c->n_sites && c->sites[i].at != at)
		i++;
	if (i == c->n_sites && i < FAULT_SITES)
		c->sites[c->n_sites++] = (struct fault_site){at, n, n};
	else if (i < FAULT_SITES)
		c->sites[i].last = n;
	__atomic_store_n(&c->sites_lock, 0, __ATOMIC_RELEASE);
}

static bool is_due(struct fault_control *c, uint64_t at)
{
	uint32_t wanted = __atomic_load_n(&c->wanted, __ATOMIC_RELAXED),
		 n = 1 + __atomic_fetch_add(&c->seen, 1, __ATOMIC_RELAXED);

	if (!wanted)
		note_site(c, at, n);
	if (wanted != FAULT_EACH)
		return n == wanted;
	/* One in four, in no order that an endless loop could have. */
	return n * 2654435761u >> 30 == 0;
}

/* Is the call of the class that is to fail?  A process stops where a signal
 * could end a call. */
static bool is_armed(const struct fault_control *c, enum fault_class class)
{
	sigset_t blocked;

	enum fault_class armed =
		(enum fault_class)__atomic_load_n(&c->armed, __ATOMIC_RELAXED);

	/* No signal ends a call of a thread that blocks all of them. */
	if (class == FAULT_EINTR && armed == class &&
	    pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0 &&
	    sigismember(&blocked, SIGUSR2))
		return false;
	return class == armed || (armed == FAULT_STOP && class == FAULT_EINTR);
}

/* Does this call fail?  Then errno is set. */
static bool fails(enum fault_class class, const char *call, const void *caller)
{
	struct fault_control *c = __atomic_load_n(&control, __ATOMIC_ACQUIRE);
	const struct range *r = is_in(&libfuse, caller) ? &libfuse : &product;

	if (!c || !is_in(r, caller) || !is_armed(c, class) ||
	    !is_due(c, (uintptr_t)caller - r->bias))
		return false;
	c->pid = getpid();
	c->at = (uintptr_t)caller - r->bias;
	snprintf(c->call, sizeof(c->call), "%s", call);
	__atomic_fetch_add(&c->fired, 1, __ATOMIC_RELEASE);
	if (c->armed == FAULT_STOP) {
		kill(getpid(), SIGSTOP);
		return false;
	}
	errno = c->error;
	return true;
}

static bool fails_alloc(const char *call, const void *caller)
{
	return fails(is_in(&libfuse, caller) ? FAULT_LIBFUSE : FAULT_ALLOC,
		     call, caller);
}

/* --- Memory --------------------------------------------------------------- */

#define FAILING(class, type, failed, name, types, args)               \
	static void *next_##name;                                     \
	EXPORT type name types;                                       \
	EXPORT type name types                                        \
	{                                                             \
		return fails(class, #name, CALLER) ? (failed)         \
						   : NEXT(name) args; \
	}

#define FAILING_ALLOC(type, failed, name, types, args)               \
	static void *next_##name;                                    \
	EXPORT type name types;                                      \
	EXPORT type name types                                       \
	{                                                            \
		return fails_alloc(#name, CALLER) ? (failed)         \
						  : NEXT(name) args; \
	}

FAILING_ALLOC(void *, NULL, malloc, (size_t size), (size))
FAILING_ALLOC(void *, NULL, calloc, (size_t n, size_t size), (n, size))
FAILING_ALLOC(void *, NULL, realloc, (void *p, size_t size), (p, size))
FAILING_ALLOC(void *, NULL, aligned_alloc, (size_t to, size_t size), (to, size))
FAILING_ALLOC(int, ENOMEM, posix_memalign, (void **ret, size_t to, size_t size),
	      (ret, to, size))
FAILING_ALLOC(char *, NULL, strdup, (const char *s), (s))
FAILING_ALLOC(char *, NULL, strndup, (const char *s, size_t n), (s, n))
FAILING_ALLOC(FILE *, NULL, fdopen, (int fd, const char *mode), (fd, mode))
FAILING_ALLOC(DIR *, NULL, fdopendir, (int fd), (fd))
FAILING_ALLOC(char *, NULL, realpath, (const char *path, char *to), (path, to))
FAILING_ALLOC(ssize_t, -1, __getdelim,
	      (char **line, size_t *n, int end, FILE *f), (line, n, end, f))

EXPORT int __register_atfork(void (*before)(void), void (*parent)(void),
			     void (*child)(void), void *handle);
FAILING_ALLOC(int, ENOMEM, __register_atfork,
	      (void (*before)(void), void (*parent)(void), void (*child)(void),
	       void *handle),
	      (before, parent, child, handle))
FAILING_ALLOC(int, EAGAIN, pthread_key_create,
	      (pthread_key_t * ret, void (*destroy)(void *)), (ret, destroy))

static void *next_vasprintf;

EXPORT int asprintf(char **ret, const char *format, ...)
{
	va_list args;
	int r = -1;

	va_start(args, format);
	if (!fails_alloc("asprintf", CALLER))
		r = NEXT(vasprintf)(ret, format, args);
	va_end(args);
	return r;
}

EXPORT int __asprintf_chk(char **ret, int flag, const char *format, ...);
EXPORT int __asprintf_chk(char **ret, int flag, const char *format, ...)
{
	va_list args;
	int r = -1;

	(void)flag;
	va_start(args, format);
	if (!fails_alloc("asprintf", CALLER))
		r = NEXT(vasprintf)(ret, format, args);
	va_end(args);
	return r;
}

/* --- Mappings ------------------------------------------------------------- */

FAILING(FAULT_MAP, void *, MAP_FAILED, mmap,
	(void *at, size_t size, int prot, int flags, int fd, off_t off),
	(at, size, prot, flags, fd, off))
FAILING(FAULT_MAP, int, -1, mprotect, (void *at, size_t size, int prot),
	(at, size, prot))

static void *next_mremap;

EXPORT void *mremap(void *from, size_t size, size_t new_size, int flags, ...)
{
	va_list args;
	void *to;

	va_start(args, flags);
	to = flags & MREMAP_FIXED ? va_arg(args, void *) : NULL;
	va_end(args);
	/* To move a mapping is what a build with guard_check does. */
	return new_size > size && fails(FAULT_MAP, "mremap", CALLER)
		       ? MAP_FAILED
		       : NEXT(mremap)(from, size, new_size, flags, to);
}

/* --- Room in a file system ------------------------------------------------ */

static void *next_fallocate;

EXPORT int fallocate(int fd, int mode, off_t off, off_t size)
{
	/* To punch a hole takes no room. */
	bool takes = !(mode & FALLOC_FL_PUNCH_HOLE);

	if ((takes && fails(FAULT_SPACE, "fallocate", CALLER)) ||
	    fails(FAULT_EINTR, "fallocate", CALLER))
		return -1;
	return NEXT(fallocate)(fd, mode, off, size);
}

static void *next_ftruncate;

EXPORT int ftruncate(int fd, off_t size)
{
	/* To cut a file takes no room. */
	if (size && fails(FAULT_SPACE, "ftruncate", CALLER))
		return -1;
	return NEXT(ftruncate)(fd, size);
}

FAILING(FAULT_SPACE, int, -1, mkdirat, (int dir, const char *path, mode_t mode),
	(dir, path, mode))
FAILING(FAULT_SPACE, char *, NULL, mkdtemp, (char *path), (path))
FAILING(FAULT_SPACE, int, -1, renameat2,
	(int from, const char *old, int to, const char *name, unsigned flags),
	(from, old, to, name, flags))

/* --- Descriptors ---------------------------------------------------------- */

static bool fails_open(const char *call, int flags, const void *caller)
{
	return fails(FAULT_FD, call, caller) ||
	       (flags & O_CREAT && fails(FAULT_SPACE, call, caller));
}

static bool is_fusion(const char *path)
{
	const char *mount = getenv("FUSION_MOUNT");

	return mount && !strncmp(path, mount, strlen(mount));
}

static void *next_openat;

static int do_open(const char *call, int dir, const char *path, int flags,
		   mode_t mode, const void *caller)
{
	if (fails_open(call, flags, caller) ||
	    (is_fusion(path) && fails(FAULT_EINTR, call, caller)))
		return -1;
	return NEXT(openat)(dir, path, flags, mode);
}

#define OPEN(name, dir, first, ...)                                     \
	EXPORT int name(__VA_ARGS__ const char *path, int flags, ...);  \
	EXPORT int name(__VA_ARGS__ const char *path, int flags, ...)   \
	{                                                               \
		mode_t mode = 0;                                        \
		va_list args;                                           \
                                                                        \
		va_start(args, flags);                                  \
		if (flags & O_CREAT)                                    \
			mode = va_arg(args, mode_t);                    \
		va_end(args);                                           \
		return do_open(#first, dir, path, flags, mode, CALLER); \
	}

#define AND ,
OPEN(open, AT_FDCWD, open, )
OPEN(openat, dir, openat, int dir AND)

FAILING(FAULT_FD, FILE *, NULL, fopen, (const char *path, const char *mode),
	(path, mode))
FAILING(FAULT_FD, DIR *, NULL, opendir, (const char *path), (path))
FAILING(FAULT_FD, int, -1, dup, (int fd), (fd))
FAILING(FAULT_FD, int, -1, dup2, (int fd, int to), (fd, to))
FAILING(FAULT_FD, int, -1, dup3, (int fd, int to, int flags), (fd, to, flags))
FAILING(FAULT_FD, int, -1, socket, (int domain, int type, int protocol),
	(domain, type, protocol))
FAILING(FAULT_FD, int, -1, socketpair,
	(int domain, int type, int protocol, int ends[2]),
	(domain, type, protocol, ends))
FAILING(FAULT_FD, int, -1, eventfd, (unsigned count, int flags), (count, flags))
FAILING(FAULT_FD, int, -1, epoll_create1, (int flags), (flags))
FAILING(FAULT_FD, int, -1, pipe2, (int ends[2], int flags), (ends, flags))
FAILING(FAULT_FD, int, -1, memfd_create, (const char *name, unsigned flags),
	(name, flags))
FAILING(FAULT_FD, int, -1, signalfd, (int fd, const sigset_t *set, int flags),
	(fd, set, flags))

static void *next_accept4;

EXPORT int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	if (fails(FAULT_FD, "accept4", CALLER) ||
	    fails(FAULT_EINTR, "accept4", CALLER))
		return -1;
	return NEXT(accept4)(fd, addr, len, flags);
}

static void *next_fcntl;

static int do_fcntl(int fd, int cmd, void *arg, const void *caller)
{
	if (((cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC) &&
	     fails(FAULT_FD, "fcntl", caller)) ||
	    ((cmd == F_SETLKW || cmd == F_OFD_SETLKW) &&
	     fails(FAULT_EINTR, "fcntl", caller)))
		return -1;
	return NEXT(fcntl)(fd, cmd, arg);
}

EXPORT int fcntl(int fd, int cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	return do_fcntl(fd, cmd, arg, CALLER);
}

/* The descriptors that came do not fit: the kernel drops them, and says so. */
static void drop_descriptors(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	for (; c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0;
		     CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			close(fd);
		}
	}
	msg->msg_controllen = 0;
	msg->msg_flags |= MSG_CTRUNC;
}

static void *next_recvmsg;

EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	bool takes = msg->msg_controllen > 0;
	ssize_t n;

	if (!(flags & MSG_DONTWAIT) && fails(FAULT_EINTR, "recvmsg", CALLER))
		return -1;
	n = NEXT(recvmsg)(fd, msg, flags);
	if (n >= 0 && takes && msg->msg_controllen > 0 &&
	    fails(FAULT_FD, "recvmsg", CALLER))
		drop_descriptors(msg);
	return n;
}

/* --- Threads, processes, timers ------------------------------------------- */

FAILING(FAULT_THREAD, int, EAGAIN, pthread_create,
	(pthread_t * ret, const pthread_attr_t *attr, void *(*fn)(void *),
	 void *arg),
	(ret, attr, fn, arg))
FAILING(FAULT_THREAD, pid_t, -1, fork, (void), ())
FAILING(FAULT_THREAD, int, -1, timer_create,
	(clockid_t clock, struct sigevent *event, timer_t *ret),
	(clock, event, ret))

/* --- Watching ------------------------------------------------------------- */

static void *next_epoll_ctl;

EXPORT int epoll_ctl(int fd, int op, int at, struct epoll_event *event)
{
	if (op == EPOLL_CTL_ADD && fails(FAULT_WATCH, "epoll_ctl", CALLER))
		return -1;
	return NEXT(epoll_ctl)(fd, op, at, event);
}

static bool fails_syscall(long number, long op, const void *caller)
{
	switch (number) {
	case SYS_pidfd_open:
		return fails(FAULT_FD, "pidfd_open", caller) ||
		       fails(FAULT_WATCH, "pidfd_open", caller);
	case SYS_futex:
		op &= FUTEX_CMD_MASK;
		return (op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET) &&
		       fails(FAULT_EINTR, "futex", caller);
	default:
		return false;
	}
}

static void *next_syscall;

EXPORT long syscall(long number, ...)
{
	va_list args;
	long a[6];

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (fails_syscall(number, a[1], CALLER))
		return -1;
	return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* --- Interrupted or short ------------------------------------------------- */

static bool is_of_proc(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* Files of /proc and streams may give less than was asked for, and a full disk
 * takes less.  Other files, devices, eventfds and the like do not. */
static size_t shorter(const char *call, int fd, size_t size, bool writes,
		      const void *caller)
{
	struct stat st;

	if (size < 2 || fstat(fd, &st) < 0 ||
	    !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) ||
	      (S_ISREG(st.st_mode) && (writes || is_of_proc(fd)))))
		return size;
	return fails(FAULT_SHORT, call, caller) ? 1 : size;
}

FAILING(FAULT_EINTR, int, -1, poll, (struct pollfd * fds, nfds_t n, int ms),
	(fds, n, ms))
FAILING(FAULT_EINTR, int, -1, epoll_wait,
	(int fd, struct epoll_event *events, int n, int ms),
	(fd, events, n, ms))

static void *next_sendmsg;

EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	if (!(flags & MSG_DONTWAIT) && fails(FAULT_EINTR, "sendmsg", CALLER))
		return -1;
	return NEXT(sendmsg)(fd, msg, flags);
}

FAILING(FAULT_EINTR, int, -1, connect,
	(int fd, const struct sockaddr *addr, socklen_t len), (fd, addr, len))
FAILING(FAULT_EINTR, int, -1, flock, (int fd, int op), (fd, op))
FAILING(FAULT_EINTR, pid_t, -1, waitpid, (pid_t pid, int *status, int flags),
	(pid, status, flags))
FAILING(FAULT_EINTR, int, -1, usleep, (useconds_t us), (us))

static void *next_nanosleep;

EXPORT int nanosleep(const struct timespec *wait, struct timespec *left)
{
	if (!fails(FAULT_EINTR, "nanosleep", CALLER))
		return NEXT(nanosleep)(wait, left);
	if (left)
		*left = *wait;
	return -1;
}

static void *next_ioctl;

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (fails(FAULT_EINTR, "ioctl", CALLER))
		return -1;
	return NEXT(ioctl)(fd, request, arg);
}

/* A signal does not end what a file does. */
static bool is_interrupted(const char *call, int fd, const void *caller)
{
	struct stat st;

	return fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) &&
	       fails(FAULT_EINTR, call, caller);
}

#define SHORT(name, writes, types, args)                         \
	static void *next_##name;                                \
	EXPORT ssize_t name types;                               \
	EXPORT ssize_t name types                                \
	{                                                        \
		if (is_interrupted(#name, fd, CALLER))           \
			return -1;                               \
		size = shorter(#name, fd, size, writes, CALLER); \
		return NEXT(name) args;                          \
	}

SHORT(read, false, (int fd, void *buf, size_t size), (fd, buf, size))
SHORT(recv, false, (int fd, void *buf, size_t size, int flags),
      (fd, buf, size, flags))
SHORT(send, true, (int fd, const void *buf, size_t size, int flags),
      (fd, buf, size, flags))
SHORT(pread, false, (int fd, void *buf, size_t size, off_t off),
      (fd, buf, size, off))

static void *next_write, *next_pwrite;

EXPORT ssize_t write(int fd, const void *buf, size_t size)
{
	if (is_interrupted("write", fd, CALLER) ||
	    fails(FAULT_SPACE, "write", CALLER))
		return -1;
	size = shorter("write", fd, size, true, CALLER);
	return NEXT(write)(fd, buf, size);
}

EXPORT ssize_t pwrite(int fd, const void *buf, size_t size, off_t off)
{
	if (fails(FAULT_SPACE, "pwrite", CALLER))
		return -1;
	size = shorter("pwrite", fd, size, true, CALLER);
	return NEXT(pwrite)(fd, buf, size, off);
}

/* --- Clocks --------------------------------------------------------------- */

static void *next_clock_gettime;

EXPORT int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = NEXT(clock_gettime)(clock, ret);
	int64_t jump;

	if (r < 0 || (clock != CLOCK_REALTIME && clock != CLOCK_BOOTTIME))
		return r;
	if (fails(FAULT_CLOCK, "clock_gettime", CALLER))
		__atomic_store_n(&jumped_ns, control->jump_ns,
				 __ATOMIC_RELAXED);
	jump = (int64_t)__atomic_load_n(&jumped_ns, __ATOMIC_RELAXED);
	/* The time since boot never goes back. */
	if (is_in(&product, CALLER) &&
	    (jump > 0 || (jump < 0 && clock == CLOCK_REALTIME)))
		ret->tv_sec += jump / 1000000000;
	return r;
}
