/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/life/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libfusion/arena/directory.h"
#include "libfusion/arena/request.h"
#include "libfusion/talk/dispatch_fd.h"

struct fusion_arena *handle_new(const char *path,
				const struct fusion_arena_options *o)
{
	struct fusion_arena *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->view.fd = a->view.lockfd = -1;
	a->dirfd = a->event_fd = -1;
	a->flags = o->flags;
	a->shutdown = o->shutdown;
	a->leave = o->leave;
	a->ctx = o->ctx;
	pthread_mutex_init(&a->notice_lock, NULL);
	pthread_mutex_init(&a->dispatch_lock, NULL);
	pthread_mutex_init(&a->reactors_lock, NULL);
	pthread_cond_init(&a->reaction_ended, NULL);
	pthread_mutex_init(&a->watch_lock, NULL);
	a->path = strdup(path);
	if (a->path)
		return a;
	free(a);
	return NULL;
}

void handle_free(struct fusion_arena *a)
{
	arena_close_dir(a);
	dispatch_fd_close(a);
	pthread_mutex_destroy(&a->notice_lock);
	pthread_mutex_destroy(&a->dispatch_lock);
	pthread_mutex_destroy(&a->reactors_lock);
	pthread_cond_destroy(&a->reaction_ended);
	pthread_mutex_destroy(&a->watch_lock);
	free(a->path);
	free(a->dir_path);
	free(a);
}

int handle_open_dir(struct fusion_arena *a,
		    const struct fusion_arena_options *o, bool *ret_made)
{
	bool make = !(o->flags & FUSION_ENTER_EXISTING);
	struct dir_id p;
	int fd = dir_open(a->dir_path ? a->dir_path : a->path, make, o->mode,
			  ret_made);
	int r;

	if (fd < 0)
		return fd;
	a->dirfd = fd;
	r = dir_stat(fd, &p);
	if (r < 0)
		return dir_is_gone(-r) ? -ENOTCONN : r;
	a->dir_dev = p.dev;
	a->dir_ino = p.ino;
	if (!a->dir_path)
		a->dir_path = dir_absolute(fd, a->path);
	return a->dir_path ? 0 : -ENOMEM;
}
