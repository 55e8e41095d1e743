/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/life/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define WITNESS_PAGE 4096

static struct flock byte_flock(off_t at, short type)
{
	return (struct flock){
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = at,
		.l_len = 1,
	};
}

static int byte_lock(int fd, off_t at, short type)
{
	struct flock lock = byte_flock(at, type);

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

/* Return lockfd if it still is a descriptor of the lock file, else -1.  In
 * another file, which may have got its number, no byte is locked: every member
 * would seem dead. */
static int lock_file_fd(const struct view *v)
{
	struct stat st;

	if (v->lockfd < 0 || fstat(v->lockfd, &st) < 0 ||
	    (v->lock_ino &&
	     (st.st_ino != v->lock_ino || st.st_dev != v->lock_dev)))
		return -1;
	return v->lockfd;
}

static enum witness byte_probe(const struct view *v, off_t at)
{
	struct flock lock = byte_flock(at, F_WRLCK);
	int fd = lock_file_fd(v);

	if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return WITNESS_UNKNOWN;
	return lock.l_type == F_UNLCK ? WITNESS_FREE : WITNESS_HELD;
}

int witness_take(int fd, uint32_t slot)
{
	return byte_lock(fd, LIFE_BYTE(slot), F_WRLCK);
}

int witness_keep(int fd, void **ret_page)
{
	/* No thread ever touches a byte of it, so the file may be empty. */
	void *p = mmap(NULL, WITNESS_PAGE, PROT_NONE, MAP_SHARED, fd, 0);
	int r = p == MAP_FAILED ? -errno : 0;

	if (!r && madvise(p, WITNESS_PAGE, MADV_DONTFORK) < 0) {
		r = -errno;
		munmap(p, WITNESS_PAGE);
	}
	close(fd);
	if (!r)
		*ret_page = p;
	return r;
}

void witness_drop(void **page)
{
	if (*page)
		munmap(*page, WITNESS_PAGE);
	*page = NULL;
}

enum witness witness_probe(const struct view *v, uint32_t slot)
{
	return byte_probe(v, LIFE_BYTE(slot));
}

int witness_fork_mark(int fd, uint32_t slot, bool on)
{
	return byte_lock(fd, FORK_BYTE(slot), on ? F_RDLCK : F_UNLCK);
}

bool witness_fork_pending(const struct view *v, uint32_t slot)
{
	/* The kernel does not report locks of the description that asks. */
	if (slot && v->fork_of == slot)
		return true;
	return byte_probe(v, FORK_BYTE(slot)) == WITNESS_HELD;
}
