/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/stepper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/ledger.h"

void stepper_trace_me(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		die("ptrace is not allowed here");
	raise(SIGSTOP);
}

void stepper_end(void)
{
	raise(SIGSTOP);
}

#if defined(__x86_64__)
#define BREAKPOINT 0xccul

static uint64_t get_pc(pid_t pid)
{
	return (uint64_t)ptrace(PTRACE_PEEKUSER, pid,
				offsetof(struct user_regs_struct, rip), NULL);
}

/* A copy of a block, not of a record: nothing of ours. */
static bool is_big_copy(const struct stepper *s)
{
	return s->pc == (uint64_t)(uintptr_t)memcpy &&
	       ptrace(PTRACE_PEEKUSER, s->pid,
		      offsetof(struct user_regs_struct, rdx), NULL) > 8192;
}

static uint64_t return_address(pid_t pid)
{
	uint64_t sp =
		(uint64_t)ptrace(PTRACE_PEEKUSER, pid,
				 offsetof(struct user_regs_struct, rsp), NULL);

	return (uint64_t)ptrace(PTRACE_PEEKDATA, pid, sp, NULL);
}

/* At the first instruction of a function: go on behind its call. */
static void run_to_return(struct stepper *s)
{
	uint64_t to = return_address(s->pid);
	long text = ptrace(PTRACE_PEEKTEXT, s->pid, to, NULL);
	int status;

	ptrace(PTRACE_POKETEXT, s->pid, to, (text & ~0xffl) | BREAKPOINT);
	ptrace(PTRACE_CONT, s->pid, NULL, NULL);
	if (waitpid(s->pid, &status, 0) < 0 || !WIFSTOPPED(status) ||
	    WSTOPSIG(status) != SIGTRAP)
		die("a call that was to be skipped has not returned");
	ptrace(PTRACE_POKETEXT, s->pid, to, text);
	ptrace(PTRACE_POKEUSER, s->pid, offsetof(struct user_regs_struct, rip),
	       to);
	s->pc = to;
}
#else
#error "the stepper knows x86-64 only"
#endif

/* Functions that write to private memory only. */
static bool is_private(uint64_t pc)
{
	static const void *const list[] = {
		(void *)vsnprintf, (void *)snprintf, (void *)sscanf,
		(void *)fopen,	   (void *)fclose,   (void *)getline,
		(void *)calloc,	   (void *)realloc,  (void *)free,
		(void *)malloc,	   (void *)open,     (void *)stat,
		(void *)read,	   (void *)close,    (void *)strtoull,
		(void *)strrchr,   (void *)kill,     (void *)fallocate,
		(void *)fstat,
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		if (pc == (uint64_t)(uintptr_t)list[i])
			return true;
	return false;
}

void stepper_attach(struct stepper *s, pid_t pid)
{
	int status;

	*s = (struct stepper){.pid = pid};
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		die("the victim did not come to its mark: status %x", status);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL);
	s->pc = get_pc(pid);
}

static bool ended(struct stepper *s, int status)
{
	if (WIFEXITED(status))
		s->exited = WEXITSTATUS(status) + 1;
	else if (WIFSIGNALED(status))
		s->killed_by = WTERMSIG(status);
	else if (WSTOPSIG(status) == SIGSTOP)
		s->done = true;
	else if (WSTOPSIG(status) != SIGTRAP)
		s->killed_by = WSTOPSIG(status);
	else
		return false;
	return true;
}

bool stepper_step(struct stepper *s)
{
	int status;

	if (ptrace(PTRACE_SINGLESTEP, s->pid, NULL, NULL) < 0 ||
	    waitpid(s->pid, &status, 0) != s->pid)
		die("cannot step: %s", strerror(errno));
	s->steps++;
	if (ended(s, status))
		return false;
	s->pc = get_pc(s->pid);
	if (is_private(s->pc) || is_big_copy(s))
		run_to_return(s);
	return true;
}

/* At full speed to @pc. */
static bool run_to(struct stepper *s, uint64_t pc)
{
	long text = ptrace(PTRACE_PEEKTEXT, s->pid, pc, NULL);
	int status;

	ptrace(PTRACE_POKETEXT, s->pid, pc, (text & ~0xffl) | BREAKPOINT);
	ptrace(PTRACE_CONT, s->pid, NULL, NULL);
	if (waitpid(s->pid, &status, 0) != s->pid)
		die("cannot wait for the victim: %s", strerror(errno));
	/* If there still is one. */
	ptrace(PTRACE_POKETEXT, s->pid, pc, text);
	if (ended(s, status))
		return false;
	ptrace(PTRACE_POKEUSER, s->pid, offsetof(struct user_regs_struct, rip),
	       pc);
	s->pc = pc;
	return true;
}

bool stepper_run_to(struct stepper *s, uint64_t pc, uint64_t times)
{
	while (times) {
		/* From the place itself, and over the breakpoint. */
		if (s->pc == pc && !stepper_step(s))
			return false;
		if (s->pc != pc && !run_to(s, pc))
			return false;
		times--;
	}
	return true;
}

void stepper_let_go(struct stepper *s)
{
	if (ptrace(PTRACE_CONT, s->pid, NULL, NULL) < 0)
		die("cannot let the victim go: %s", strerror(errno));
}

bool stepper_is_over(struct stepper *s)
{
	int status;
	pid_t pid = waitpid(s->pid, &status, WNOHANG);

	if (pid < 0)
		die("cannot wait for the victim: %s", strerror(errno));
	return pid && ended(s, status);
}

void stepper_detach(struct stepper *s)
{
	ptrace(PTRACE_DETACH, s->pid, NULL, NULL);
}

void stepper_kill(struct stepper *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

/* addr2line knows; without it, the number has to do. */
void stepper_where(uint64_t pc, char *buf, size_t size)
{
	extern const char __executable_start;
	char command[160], exe[96] = "";
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	FILE *f;

	snprintf(buf, size, "pc %#llx", (unsigned long long)pc);
	if (n <= 0)
		return;
	snprintf(
		command, sizeof(command),
		"addr2line -pfs -e '%s' %#llx 2>/dev/null", exe,
		(unsigned long long)(pc -
				     (uint64_t)(uintptr_t)&__executable_start));
	f = popen(command, "r");
	if (!f)
		return;
	if (!fgets(buf, (int)size, f) || *buf == '?')
		snprintf(buf, size, "pc %#llx", (unsigned long long)pc);
	buf[strcspn(buf, "\n")] = '\0';
	pclose(f);
}
