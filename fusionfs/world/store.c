/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/world/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/format.h"

#define HEAP "heap"
#define NEW_HEAP ".heap"
#define POLICY "policy"
#define NEW_POLICY ".policy"
#define LOCKS "locks."
#define POLICY_MAX 512 /* bytes */
#define STORE_PATH 320 /* of a file, in the backing directory */

/* --- Files ---------------------------------------------------------------- */

static int open_new_file(int dir, const char *name)
{
	int fd;

	unlinkat(dir, name, 0);
	fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

/* Open a file of the store.  Only the daemon writes here, but an operator may
 * have put something else there. */
static int open_old_file(int dir, const char *name)
{
	int fd =
		openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENXIO
			       ? -EINVAL
			       : -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return -EINVAL;
}

static void name_lock(const struct stat *heap, char name[32])
{
	snprintf(name, 32, LOCKS "%" PRIu64, (uint64_t)heap->st_ino);
}

static int lock_name(int heap, char name[32])
{
	struct stat st;

	if (fstat(heap, &st) < 0)
		return -errno;
	name_lock(&st, name);
	return 0;
}

static void close_store_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Remove the files of @dir; with @only_old keep those that the store needs. */
static void remove_store_files(int dir, bool only_old, const char *lock)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d && fd >= 0)
		close(fd);
	while (d && (e = readdir(d))) {
		bool old = e->d_name[0] == '.' ||
			   (!strncmp(e->d_name, LOCKS, sizeof(LOCKS) - 1) &&
			    strcmp(e->d_name, lock) != 0);

		if (!only_old || old)
			unlinkat(dir, e->d_name, 0);
	}
	if (d)
		closedir(d);
}

/* --- The policy ----------------------------------------------------------- */

static int write_whole(int fd, const char *text, size_t size)
{
	ssize_t n = write(fd, text, size);

	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -ENOSPC;
}

static int policy_save(int dir, const struct policy *p)
{
	char text[POLICY_MAX];
	int n, fd, r;

	n = snprintf(text, sizeof(text),
		     "identity %" PRIx64 "\nmode %o\nuid %u\ngid %u\n"
		     "changed %" PRIu64 "\ntransient %d\n"
		     "on-master-death %u\nmaster %u\n",
		     p->identity, p->mode, p->uid, p->gid, p->changed_ns,
		     p->transient, p->on_master_death, p->master);
	fd = open_new_file(dir, NEW_POLICY);
	if (fd < 0)
		return fd;
	r = write_whole(fd, text, (size_t)n);
	close(fd);
	if (!r && renameat(dir, NEW_POLICY, dir, POLICY) < 0)
		r = -errno;
	return r;
}

static int policy_load(int dir, struct policy *ret)
{
	struct policy p = {0};
	char text[POLICY_MAX];
	int fd = open_old_file(dir, POLICY), transient;
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n < 0 ? 0 : n] = 0;
	if (sscanf(text,
		   "identity %" SCNx64 "\nmode %o\nuid %u\ngid %u\n"
		   "changed %" SCNu64 "\ntransient %d\n"
		   "on-master-death %u\nmaster %u\n",
		   &p.identity, &p.mode, &p.uid, &p.gid, &p.changed_ns,
		   &transient, &p.on_master_death, &p.master) != 8 ||
	    p.mode > 0777 || !(p.identity & IDENTITY_BITS))
		return -EINVAL;
	p.transient = transient;
	*ret = p;
	return 0;
}

static int new_identity(uint64_t *ret)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	*ret = (random & ~(1ull << 63)) | IDENTITY_BITS;
	return 0;
}

int store_change(struct store *s, const struct policy *policy)
{
	struct policy p = *policy;
	int r;

	p.changed_ns = (uint64_t)clock_realtime_ns();
	r = policy_save(s->dir, &p);
	if (!r)
		s->policy = p;
	return r;
}

int store_note(struct store *s, uint32_t on_master_death, uint32_t master)
{
	struct policy p = s->policy;
	int r;

	if (p.on_master_death == on_master_death && p.master == master)
		return 0;
	p.on_master_death = on_master_death;
	p.master = master;
	r = policy_save(s->dir, &p);
	if (!r)
		s->policy = p;
	return r;
}

/* --- A life --------------------------------------------------------------- */

static int format_heap(int dir, const char *name,
		       const struct arena_params *params)
{
	int fd = open_new_file(dir, name), r;

	if (fd < 0)
		return fd;
	r = format_arena(fd, params);
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}

int store_renew(struct store *s, const struct arena_params *params)
{
	int heap = format_heap(s->dir, NEW_HEAP, params), lock = -1, r;
	char name[32];

	if (heap < 0)
		return heap;
	r = lock_name(heap, name);
	if (!r)
		r = lock = open_new_file(s->dir, name);
	/* Commit: this rename. */
	if (r >= 0 && renameat(s->dir, NEW_HEAP, s->dir, HEAP) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(s->dir, NEW_HEAP, 0);
		close_store_fd(&lock);
		close(heap);
		return r;
	}
	close_store_fd(&s->heap);
	close_store_fd(&s->lock);
	s->heap = heap;
	s->lock = lock;
	remove_store_files(s->dir, true, name);
	return 0;
}

int store_open_lock(const struct store *s)
{
	char name[32];
	int r = lock_name(s->heap, name);

	if (r < 0)
		return r;
	r = openat(s->dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return r < 0 ? -errno : r;
}

/* --- Directories ---------------------------------------------------------- */

static int open_store_dir(const struct backing *b, const char *name)
{
	int fd = openat(b->fd, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	return errno == ENOTDIR || errno == ELOOP ? -EINVAL : -errno;
}

static int fill_store(struct store *s, const struct arena_params *params)
{
	int r = new_identity(&s->policy.identity);

	if (!r)
		r = store_change(s, &s->policy);
	return r ? r : store_renew(s, params);
}

int store_create(const struct backing *b, const struct arena_params *params,
		 const struct policy *policy, struct store *ret)
{
	struct store s = {-1, -1, -1, *policy};
	char temp[ARENA_NAME_MAX + 8];
	int r;

	snprintf(temp, sizeof(temp), ".new.%s", params->name);
	store_remove(b, temp);
	if (mkdirat(b->fd, temp, 0700) < 0)
		return -errno;
	r = s.dir = open_store_dir(b, temp);
	if (r >= 0)
		r = fill_store(&s, params);
	/* Commit: this rename.  It does not replace a directory that has
	 * files. */
	if (r >= 0 &&
	    renameat2(b->fd, temp, b->fd, params->name, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r < 0) {
		store_remove(b, temp);
		store_close(&s);
		return r;
	}
	*ret = s;
	return 0;
}

/* Does the file say that it is an arena of this format? */
static int check_heap(int fd)
{
	struct superblock sb;

	if (pread(fd, &sb, sizeof(sb), 0) != (ssize_t)sizeof(sb) ||
	    sb.magic != FUSION_MAGIC)
		return -EINVAL;
	return sb.format == FUSION_FORMAT ? 0 : -EPROTO;
}

static int open_files(struct store *s)
{
	char name[32];
	int r = policy_load(s->dir, &s->policy);

	if (!r)
		r = s->heap = open_old_file(s->dir, HEAP);
	if (r >= 0)
		r = check_heap(s->heap);
	if (!r)
		r = lock_name(s->heap, name);
	if (!r)
		r = s->lock = open_old_file(s->dir, name);
	if (r < 0)
		return r;
	remove_store_files(s->dir, true, name);
	return 0;
}

int store_open(const struct backing *b, const char *name, struct store *ret)
{
	struct store s = {-1, -1, -1, {0}};
	int r = s.dir = open_store_dir(b, name);

	if (r >= 0)
		r = open_files(&s);
	if (r < 0) {
		store_close(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void store_close(struct store *s)
{
	close_store_fd(&s->lock);
	close_store_fd(&s->heap);
	close_store_fd(&s->dir);
}

static void remove_file_of(const struct backing *b, const char *name,
			   const char *file)
{
	char path[STORE_PATH];

	snprintf(path, sizeof(path), "%s/%s", name, file);
	unlinkat(b->fd, path, 0);
}

/* The lock file is called after the heap, so it goes first. */
static void remove_heap_of(const struct backing *b, const char *name,
			   const char *heap)
{
	char path[STORE_PATH], lock[32];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", name, heap);
	if (fstatat(b->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	name_lock(&st, lock);
	remove_file_of(b, name, lock);
	remove_file_of(b, name, heap);
}

/* Remove the files of a store by their names.  To list them would take a
 * descriptor and memory.  An arena that ends when there are none must not keep
 * its memory in the tmpfs. */
static void remove_known_files(const struct backing *b, const char *name)
{
	remove_heap_of(b, name, NEW_HEAP);
	remove_heap_of(b, name, HEAP);
	remove_file_of(b, name, NEW_POLICY);
	remove_file_of(b, name, POLICY);
}

void store_remove(const struct backing *b, const char *name)
{
	struct stat st;
	int dir;

	if (fstatat(b->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISDIR(st.st_mode))
		return;
	remove_known_files(b, name);
	if (unlinkat(b->fd, name, AT_REMOVEDIR) == 0)
		return;
	/* A daemon that was killed has left more. */
	dir = open_store_dir(b, name);
	if (dir < 0)
		return;
	remove_store_files(dir, false, "");
	close(dir);
	unlinkat(b->fd, name, AT_REMOVEDIR);
}
