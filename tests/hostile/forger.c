/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A member that writes into its arena that another process is inside
 *
 * usage: forger ARENA VICTIM
 *
 * It enters ARENA as the master of one that dies with its master, says `in ID`
 * and obeys lines, each of which it answers with one: `ok` or `failed ERRNO`.
 *
 *   records        every other member slot is VICTIM's, in all that can be said
 *   states N       every slot has state N, its own, too
 *   doom           the arena is doomed
 *   owner SLOT     a property is purchased by a thread of the member in SLOT;
 *                  0: by a shell that is called VICTIM
 *   hold-up        hold that property up
 *   kill ID        fusion_members_kill()
 *   exec PROGRAM   become PROGRAM, with a descriptor of the arena left open
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fusion/fusion.h>

#include "libfusion/arena/arena_private.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/locks/property.h"

static struct fusion_arena *arena;
static struct fusion_property *property;
static struct view *v;
static pid_t victim;

static void say(int r)
{
	if (r < 0)
		printf("failed %s\n", strerrorname_np(-r));
	else
		printf("ok\n");
}

static void forge(struct member_rec *m, uint32_t id)
{
	m->id = id;
	m->pid = m->own_pid = (uint32_t)victim;
	m->uid = m->gid = 0;
	m->pidns = process_pidns();
	m->start_time = process_start_time(victim);
	m->role = FUSION_ROLE_SLAVE;
	store_release(&m->state, MEMBER_ALIVE);
}

static int forge_records(const char *arg)
{
	(void)arg;
	store_release(&v->sb->members_hi, v->geo.max_members + 1);
	for (uint32_t i = 1; i <= v->geo.max_members; i++)
		if (i != v->slot &&
		    load_relaxed(&view_member(v, i)->state) == MEMBER_FREE)
			forge(view_member(v, i), 1000 + i);
	return 0;
}

static int forge_states(const char *arg)
{
	for (uint32_t i = 1; i <= v->geo.max_members; i++)
		store_release(&view_member(v, i)->state,
			      (uint32_t)strtoul(arg, NULL, 0));
	return 0;
}

static int forge_doom(const char *arg)
{
	(void)arg;
	v->sb->on_master_death = MASTER_DEATH_KILL;
	v->sb->flags |= ARENA_DOOMED;
	return 0;
}

static int forge_owner(const char *arg)
{
	uint32_t slot = (uint32_t)strtoul(arg, NULL, 0);
	struct property *p = handle_entry(property);
	struct thread_rec *t;
	int r = thread_claim(v, &t);

	if (r < 0)
		return r;
	t->tid = (uint32_t)victim;
	store_release(&t->member, slot + 1);
	store_release(&p->word, PROPERTY_PURCHASED | PROPERTY_LEVEL |
					(t->token & TOKEN_MASK));
	return 0;
}

static int hold_up(const char *arg)
{
	(void)arg;
	return fusion_property_hold_up(property, 0, 0);
}

static int kill_member(const char *arg)
{
	return fusion_members_kill(arena, (fusion_id_t)strtoul(arg, NULL, 0),
				   SIGKILL, 0, 0);
}

/* The directory stays open, so that the daemon is not told by its release. */
static int become(const char *arg)
{
	if (dup(arena->dirfd) < 0)
		return -errno;
	printf("ok\n");
	fflush(stdout);
	execl(arg, "sleep", "1000", (char *)NULL);
	return -errno;
}

static const struct {
	const char *word;
	int (*run)(const char *arg);
} words[] = {
	{"records", forge_records}, {"states", forge_states},
	{"doom", forge_doom},	    {"owner", forge_owner},
	{"hold-up", hold_up},	    {"kill", kill_member},
	{"exec", become},
};

static void obey(char *line)
{
	char *arg = strchr(line, ' ');

	if (arg)
		*arg++ = 0;
	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(words[i].word, line)) {
			say(words[i].run(arg ? arg : ""));
			return;
		}
	say(-ENOSYS);
}

int main(int argc, char **argv)
{
	struct fusion_arena_options o = {
		.size = sizeof(o),
		.on_master_death = FUSION_MASTER_DEATH_KILL,
	};
	char line[256];
	int r;

	if (argc != 3)
		return 2;
	setlinebuf(stdout);
	victim = atoi(argv[2]);
	r = fusion_arena_enter(argv[1], &o, &arena);
	if (r >= 0)
		r = fusion_property_create(arena, NULL, NULL, &property);
	if (r < 0) {
		say(r);
		return 1;
	}
	v = &arena->view;
	printf("in %u\n", fusion_arena_id(arena));
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		obey(line);
	}
	return 0;
}
