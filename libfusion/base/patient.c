/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/base/patient.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "libfusion/base/deadline.h"
#include "libfusion/base/quiet_thread.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"

/* Whose the job is: the first to move the word away from AT_WORK decides. */
enum { AT_WORK, DONE, ABANDONED };

struct job {
	const struct patient_work *work;
	void *arg;
	int result;
	struct refusal *refusal; /* why it failed, for the caller */
	uint32_t state;		 /* atomic, futex */
};

static void *do_job(void *arg)
{
	struct job *job = arg;
	uint32_t state = AT_WORK;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	job->result = job->work->run(job->arg);
	job->refusal = refuse_take();
	/* Release: the caller must see the result, and what run() wrote, before
	 * it sees DONE in wait_for(). */
	if (cas_release(&job->state, &state, DONE)) {
		/* The caller joins this thread before it frees the job. */
		futex_wake(&job->state, 1);
		return NULL;
	}
	/* Acquire: this thread must see what the caller wrote before it left
	 * the job behind, in run_in_thread(). */
	load_acquire(&job->state);
	job->work->abandoned(job->arg, job->result);
	free(job->refusal);
	free(job);
	return NULL;
}

/* 0 it is done, -ETIMEDOUT, -EINTR. */
static int wait_for(struct job *job, int64_t deadline_ns)
{
	int r = 0;

	/* Acquire: for the release in do_job(). */
	while (load_acquire(&job->state) == AT_WORK) {
		int64_t left = deadline_left(deadline_ns);

		if (r == -EINTR || left == 0)
			return r == -EINTR ? r : -ETIMEDOUT;
		r = futex_wait(&job->state, AT_WORK, left);
	}
	return 0;
}

static int run_in_thread(struct job *job, int64_t deadline_ns, int *ret_why)
{
	uint32_t state = AT_WORK;
	pthread_t thread;
	int r = quiet_thread_start(&thread, do_job, job);

	if (r < 0) {
		free(job);
		return r;
	}
	r = wait_for(job, deadline_ns);
	/* Release: the thread must see what this one wrote before it takes the
	 * job for its own, in do_job(). */
	if (r < 0 && cas_release(&job->state, &state, ABANDONED)) {
		pthread_detach(thread);
		*ret_why = r;
		return PATIENT_GONE;
	}
	pthread_join(thread, NULL); /* and so sees its result */
	r = job->result;
	refuse_give(job->refusal);
	free(job);
	return r;
}

int patient_run(const struct patient_work *work, void *arg, int64_t deadline_ns,
		int *ret_why)
{
	struct job *job;

	if (deadline_ns < 0)
		return work->run(arg);
	job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	job->work = work;
	job->arg = arg;
	return run_in_thread(job, deadline_ns, ret_why);
}
