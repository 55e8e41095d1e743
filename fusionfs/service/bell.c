/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/bell.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fusionfs/base/log.h"
#include "fusionfs/base/loop.h"
#include "fusionfs/service/ports.h"
#include "fusionfs/world/guard.h"
#include "fusionfs/world/world.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"

/* The longest that a thread outlives an arena, if it has missed the last
 * wake. */
#define NAP_NS 1000000000
#define PAGE 4096

/* Members can ring as fast as they like: after so many rings in vain the thread
 * pauses before it listens again. */
#define VAIN_MAX 16
#define VAIN_FIRST_US 250
#define VAIN_LAST_US 8000

/* Guarded by the mutex, but for word, which never changes. */
struct bell {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	void *page;	      /* of the file, mapped for the bell alone */
	const uint32_t *word; /* an address for system calls, nothing else */
	uint32_t seen;
	bool listening; /* sleep on it while it is `seen` */
	bool rung;	/* for the main loop */
	bool over;
	unsigned users; /* main loop, thread */
	bool wanted;	/* main loop only: what the superblock says */
	unsigned vain;	/* rings in a row for which no request waited */
};

static int told = -1; /* eventfd */

/* Give up a use of the bell, and the mutex. */
static void bell_unref_locked(struct bell *b)
{
	unsigned left = --b->users;

	pthread_mutex_unlock(&b->mutex);
	if (left)
		return;
	pthread_cond_destroy(&b->changed);
	pthread_mutex_destroy(&b->mutex);
	munmap(b->page, PAGE);
	free(b);
}

static unsigned bell_pause_us(const struct bell *b)
{
	unsigned us = VAIN_FIRST_US;

	if (b->vain <= VAIN_MAX)
		return 0;
	for (unsigned i = VAIN_MAX; i < b->vain && us < VAIN_LAST_US; i++)
		us *= 2;
	return us;
}

static void *listen_to_bell(void *arg)
{
	struct bell *b = arg;
	uint64_t one = 1;

	pthread_mutex_lock(&b->mutex);
	while (!b->over) {
		uint32_t seen = b->seen;
		unsigned us;
		int r;

		if (!b->listening) {
			pthread_cond_wait(&b->changed, &b->mutex);
			continue;
		}
		us = bell_pause_us(b);
		pthread_mutex_unlock(&b->mutex);
		if (us)
			usleep(us);
		r = futex_wait(b->word, seen, NAP_NS);
		pthread_mutex_lock(&b->mutex);
		if (r == -ETIMEDOUT || r == -EINTR)
			continue;
		b->listening = false;
		b->rung = true;
		/* A full counter says as well that there is something. */
		if (write(told, &one, sizeof(one)) < 0)
			continue;
	}
	bell_unref_locked(b);
	return NULL;
}

static struct bell *start_bell(struct arena *a)
{
	struct bell *b = calloc(1, sizeof(*b));
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (!b)
		return NULL;
	pthread_mutex_init(&b->mutex, NULL);
	pthread_cond_init(&b->changed, NULL);
	/* The thread may outlive the view, and the view may be closed. */
	b->page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, a->view.fd, 0);
	if (b->page == MAP_FAILED) {
		free(b);
		return NULL;
	}
	b->word = &((const struct superblock *)b->page)->visitor_bell;
	b->users = 2;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 64 << 10);
	r = pthread_create(&thread, &attr, listen_to_bell, b);
	pthread_attr_destroy(&attr);
	if (r == 0)
		return b;
	note("arena '%s': no thread for its bell: %d", a->name, r);
	munmap(b->page, PAGE);
	free(b);
	return NULL;
}

/*
 *   the daemon                   a member
 *   wanted = 1                   something for a visitor
 *   fence                        bell + 1
 *   seen = bell                  fence
 *   look for it: nothing         wanted? -> wake
 *   sleep while bell is seen
 */
static int want_bell(struct arena *a, void *arg)
{
	struct superblock *sb = a->view.sb;

	store_relaxed(&sb->visitor_bell_wanted, (uint32_t)a->bell->wanted);
	full_fence();
	/* Acquire: pairs with the release in visitor_bell_ring(): the look for
	 * messages that follows sees what was there before that ring. */
	*(uint32_t *)arg = load_acquire(&sb->visitor_bell);
	return 0;
}

static void listen_to_bell_again(struct arena *a)
{
	struct bell *b = a->bell;
	uint32_t seen;

	/* Without ports members need not make the system call. */
	b->wanted = a->ports != NULL;
	if (guarded(a, want_bell, &seen) < 0 || !b->wanted)
		return;
	pthread_mutex_lock(&b->mutex);
	b->seen = seen;
	b->listening = true;
	pthread_cond_signal(&b->changed);
	pthread_mutex_unlock(&b->mutex);
}

bool bell_listen(struct arena *a)
{
	if ((a->bell && a->bell->wanted) || a->corrupt || !a->view.base)
		return false;
	if (!a->bell)
		a->bell = start_bell(a);
	if (a->bell)
		listen_to_bell_again(a);
	return a->bell != NULL;
}

bool bell_is_heard(const struct arena *a)
{
	return a->bell != NULL;
}

static bool take_ring(struct bell *b)
{
	bool rung;

	pthread_mutex_lock(&b->mutex);
	rung = b->rung;
	b->rung = false;
	pthread_mutex_unlock(&b->mutex);
	return rung;
}

static void count_vain_ring(struct bell *b, bool useful)
{
	pthread_mutex_lock(&b->mutex);
	b->vain = useful ? 0 : b->vain + 1;
	pthread_mutex_unlock(&b->mutex);
}

static void bell_rang(struct source *s)
{
	uint64_t n;

	(void)s;
	if (read(told, &n, sizeof(n)) < 0)
		return;
	for (struct arena *a = world.arenas; a; a = a->next) {
		if (!a->bell || !take_ring(a->bell))
			continue;
		/* Listen before the look, so that what comes meanwhile rings
		 * again. */
		listen_to_bell_again(a);
		count_vain_ring(a->bell, ports_look(a));
	}
}

int bell_init(void)
{
	static struct source source = {bell_rang};

	told = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return told < 0 ? -errno : loop_add(&source, told);
}

void bell_end(struct arena *a)
{
	struct bell *b = a->bell;

	if (!b)
		return;
	a->bell = NULL;
	pthread_mutex_lock(&b->mutex);
	b->over = true;
	pthread_cond_signal(&b->changed);
	/* The thread may miss this wake: then it ends after NAP_NS. */
	futex_wake(b->word, INT_MAX);
	bell_unref_locked(b);
}
