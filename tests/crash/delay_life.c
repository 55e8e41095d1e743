/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members that come and go: their thread records, and their queues. */
#include <errno.h>
#include <unistd.h>

#include <fusion/dispatch.h>

#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/life/witness.h"
#include "libfusion/core/talk/message.h"
#include "libfusion/core/talk/ring_open.h"
#include "libfusion/core/talk/ring_recover.h"
#include "tests/crash/delay.h"
#include "tests/crash/ledger.h"
#include "tests/unit/image_witness.h"

/* --- A record that changes hands while it is judged ----------------------- */

/* In the play's numbers. */
enum { DEAD, SENT, BELL, NEXT };

static void show_record(struct actor *a)
{
	a->play->p[0] = a->me;
}

static void ask_whether_dead(struct actor *a)
{
	a->play->n[DEAD] = thread_is_dead(a->v, a->play->p[0]);
}

static void take_record(struct actor *a)
{
	struct thread_rec *t;

	if (thread_claim(a->v, &t) < 0 || t != a->play->p[0])
		die("the record is not the next one to be claimed");
}

static void hand_over(struct actor *a)
{
	thread_release(a->v, a->me);
	have(a->play, THIRD, take_record);
}

static void nobody_is_dead(const struct view *v, struct play *play)
{
	const struct thread_rec *t = play->p[0];

	if (play->n[DEAD])
		fault(play, "a living thread is taken for dead");
	if (load_relaxed(&t->member) != play->slot[THIRD] + 1)
		fault(play, "the record is not its new owner's");
	(void)v;
}

/* --- A queue for a member that is just leaving ---------------------------- */

/* As a joiner that refuses: it has not been LEAVING. */
static void leave(struct actor *a)
{
	if (life_lock(a->v, -1) < 0 || life_depart(a->v, a->v->slot, false) < 0)
		die("cannot leave");
	life_unlock(a->v);
}

static void send_to(struct actor *a, enum role to)
{
	const struct msg_head h = {.kind = MSG_WAKE, .sender = a->arena->id};
	int r = message_post(a->v, a->me, a->play->slot[to], a->play->id[to],
			     &h, NULL, NULL);

	if (r < 0 && r != -ESRCH)
		fault(a->play, "cannot send: %d", r);
}

static void send_to_rival(struct actor *a)
{
	send_to(a, RIVAL);
}

static void send_to_victim(struct actor *a)
{
	send_to(a, VICTIM);
}

static void is_gone(const struct view *v, struct play *play, enum role who)
{
	if (member_find(v, play->id[who]))
		fault(play, "it has not left");
	for (uint32_t i = 0; i < ring_hi(v); i++)
		if (load_relaxed(&ring_ctl(v, i)->owner) == play->id[who])
			fault(play, "ring %u is that of a member that has gone",
			      i);
}

/* The next member gets the slot, and has a queue. */
static void leave_and_enter(struct actor *a)
{
	struct member_info info = {
		.pid = getpid(),
		.start_time = process_start_time(getpid()),
		.role = 1,
		.comm = "next",
	};
	struct view *v = a->v;
	struct ring queue;
	uint32_t slot;

	leave(a);
	witness_drop(&v->witness);
	if (life_lock(v, -1) < 0 || image_claim(v, &info, &slot) < 0)
		die("no member slot");
	a->play->n[NEXT] = view_member(v, slot)->id;
	if (slot != v->slot ||
	    life_witness(v, slot, view_member(v, slot)->id) < 0 ||
	    member_ready(v, slot) < 0 || thread_claim(v, &a->me) < 0)
		die("the slot is not that of the next one");
	life_unlock(v);
	if (message_queue(v, a->me, slot, view_member(v, slot)->id, &queue) < 0)
		fault(a->play, "the next member gets no queue");
}

static void next_has_a_queue(const struct view *v, struct play *play)
{
	uint32_t ring = view_member(v, play->slot[RIVAL])->ring;

	if (!ring || ring_ctl(v, ring - 1)->owner != play->n[NEXT])
		fault(play, "the next member has lost its queue");
	is_gone(v, play, RIVAL);
}

static void sweep(struct actor *a)
{
	life_sweep(a->v);
}

static void rival_is_gone(const struct view *v, struct play *play)
{
	is_gone(v, play, RIVAL);
}

static void victim_is_gone(const struct view *v, struct play *play)
{
	is_gone(v, play, VICTIM);
}

/* --- Two that open the same queue, one of them dead ------------------------
 */

/* It died just before it tried to take ring 0 for our queue. */
static void recover_an_opener(struct actor *a)
{
	struct member_rec *m = view_member(a->v, a->v->slot);
	struct thread_rec *t;
	bool has_owner;

	if (life_lock(a->v, -1) < 0 || thread_claim(a->v, &t) < 0)
		die("no thread record");
	t->msg.kind = 0;
	t->msg.a[0] = m->id;
	t->msg.a[1] = view_off(a->v, &m->ring);
	t->msg.a[2] = 0;
	t->msg.op = MSG_OP_OPEN;
	has_owner = ring_hi(a->v) && ring_ctl(a->v, 0)->owner == m->id;
	if (ring_recover(a->v, t) < 0)
		die("cannot recover the opener");
	if (has_owner && ring_ctl(a->v, 0)->owner != m->id)
		fault(a->play, "the ring of another was closed");
	thread_release(a->v, t);
	life_unlock(a->v);
}

static void has_a_queue(struct actor *a)
{
	const struct msg_head h = {.kind = MSG_WAKE, .sender = a->arena->id};
	int r = message_post(a->v, a->me, a->play->slot[RIVAL],
			     a->play->id[RIVAL], &h, NULL, NULL);

	if (r < 0)
		fault(a->play, "a living member has no queue: %d", r);
}

/* --- A sender that must not sleep, at a full queue ------------------------ */

static void open_queue(struct actor *a)
{
	a->arena->flags |= FUSION_ENTER_MANUAL;
	if (fusion_arena_dispatch(a->arena, 0, 0) < 0)
		die("no dispatcher");
}

static int offer(struct actor *a)
{
	const struct msg_head h = {.kind = MSG_WAKE, .sender = a->arena->id};

	return message_offer(a->v, a->me, a->play->slot[RIVAL],
			     a->play->id[RIVAL], &h, NULL);
}

/* And nobody waits for room yet. */
static void fill_queue(struct actor *a)
{
	const struct msg_head h = {.kind = MSG_WAKE, .sender = a->arena->id};

	while (message_post(a->v, a->me, a->play->slot[RIVAL],
			    a->play->id[RIVAL], &h, NULL, NULL) == 0)
		;
	a->play->n[BELL] = load_acquire(&a->v->sb->visitor_bell);
}

static void offer_one(struct actor *a)
{
	a->play->n[SENT] = (uint64_t)(int64_t)offer(a);
}

static void handle_some(struct actor *a)
{
	if (fusion_arena_dispatch(a->arena, 0, 0) < 0)
		fault(a->play, "cannot dispatch");
}

/* It was done or refused, or the bell says when to try again. */
static void is_told(struct actor *a)
{
	int r = (int)(int64_t)a->play->n[SENT];

	if (r == -EAGAIN &&
	    load_acquire(&a->v->sb->visitor_bell) == a->play->n[BELL])
		fault(a->play, "it waits for room, and nobody rings");
	if (r < 0 && r != -EAGAIN && r != -ESRCH)
		fault(a->play, "cannot send: %d", r);
	r = offer(a);
	if (r < 0 && r != -ESRCH)
		fault(a->play, "there is no room: %d", r);
}

/* clang-format off */
const struct scene life_scenes[] = {
	{"record-changes-hands",
	 {{RIVAL, show_record}}, ask_whether_dead, hand_over,
	 {{0}}, nobody_is_dead, NULL, 0, true},
	{"queue-of-who-leaves",
	 {{0}}, send_to_rival, leave,
	 {{0}}, rival_is_gone, NULL, 2, false},
	{"queue-of-the-next-in-the-slot",
	 {{0}}, send_to_rival, leave_and_enter,
	 {{0}}, next_has_a_queue, NULL, 2, false},
	{"leaver-gets-a-queue",
	 {{0}}, leave, send_to_victim,
	 {{0}}, victim_is_gone, life_depart, 7, false},
	{"queue-of-two-who-go",
	 {{0}}, send_to_rival, leave,
	 {{THIRD, sweep}}, rival_is_gone, ring_open, 3, VICTIM_DIES},
	{"opener-beside-a-dead-one",
	 {{0}}, send_to_rival, recover_an_opener,
	 {{VICTIM, has_a_queue}}, NULL, NULL, 2, false},
	{"visitor-at-a-full-queue",
	 {{RIVAL, open_queue}, {VICTIM, fill_queue}}, offer_one, handle_some,
	 {{VICTIM, is_told}}, NULL, NULL, 2, false},
	{"visitor-at-a-queue-that-goes",
	 {{RIVAL, open_queue}, {VICTIM, fill_queue}}, offer_one, leave,
	 {{VICTIM, is_told}}, rival_is_gone, NULL, 3, false},
};
/* clang-format on */
const unsigned n_life_scenes = sizeof(life_scenes) / sizeof(*life_scenes);
