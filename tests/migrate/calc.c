/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * calc: a service that programs and shells use alike
 *
 *   calc serve ARENA        serve until the standard input ends
 *   calc ask ARENA TEXT...  calculate a text, for example "1 + 2 * 3"
 *
 * The service is one call.  From C it is fusion_call_execute_bytes(); from a
 * shell, with no program of ours, it is a file:
 *
 *   exec 3<>/run/fusion/ARENA/calls/calc
 *   echo "1 + 2 * 3" >&3
 *   cat <&3
 *
 * calc.sh does that.  If the service dies while it calculates, the program or
 * shell that asks is told at once.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fusion/fusion.h>

#define TEXT_MAX 1024
#define DEPTH_MAX 64

/* --- Arithmetic ----------------------------------------------------------- */

struct reader {
	const char *at;
	int depth;
	int error;
};

static double read_sum(struct reader *r);

static double fail(struct reader *r, int error)
{
	r->error = r->error ? r->error : error;
	return 0;
}

/* Take the next sign if it is one of these, else return 0. */
static char next_of(struct reader *r, const char *signs)
{
	r->at += strspn(r->at, " \t\n");
	return *r->at && strchr(signs, *r->at) ? *r->at++ : 0;
}

static double read_value(struct reader *r)
{
	double value;
	char *end;

	if (++r->depth > DEPTH_MAX)
		return fail(r, -E2BIG);
	if (next_of(r, "-")) {
		value = -read_value(r);
	} else if (next_of(r, "(")) {
		value = read_sum(r);
		if (!next_of(r, ")"))
			return fail(r, -EINVAL);
	} else {
		value = strtod(r->at, &end);
		if (end == r->at)
			return fail(r, -EINVAL);
		r->at = end;
	}
	r->depth--;
	return value;
}

static double read_product(struct reader *r)
{
	double value = read_value(r);
	char sign;

	while (!r->error && (sign = next_of(r, "*/"))) {
		double other = read_value(r);

		if (sign == '/' && other == 0)
			return fail(r, -EDOM);
		value = sign == '*' ? value * other : value / other;
	}
	return value;
}

static double read_sum(struct reader *r)
{
	double value = read_product(r);
	char sign;

	while (!r->error && (sign = next_of(r, "+-"))) {
		double other = read_product(r);

		value = sign == '+' ? value + other : value - other;
	}
	return value;
}

/* --- The service -----------------------------------------------------------
 */

/* The result of this handler is the caller's error; its reply is the answer. */
static int calculate(const struct fusion_call_request *request, void *ctx)
{
	char text[TEXT_MAX + 1], answer[64];
	struct reader r = {.at = text};
	double value;
	int n;

	(void)ctx;
	if (request->size > TEXT_MAX)
		return -E2BIG;
	memcpy(text, request->data, request->size);
	text[request->size] = '\0';
	value = read_sum(&r);
	next_of(&r, "");
	if (!r.error && *r.at)
		r.error = -EINVAL;
	if (r.error)
		return r.error;
	n = snprintf(answer, sizeof(answer), "%.15g\n", value);
	return fusion_call_reply(request, 0, answer, (size_t)n);
}

static int serve(struct fusion_arena *arena)
{
	struct fusion_call *call;
	int r = fusion_call_create(arena, "calc", calculate, NULL, &call);

	if (r < 0) {
		fprintf(stderr, "calc: %s\n", fusion_strerror(r));
		return r;
	}
	while (getchar() != EOF)
		;
	return fusion_call_destroy(call);
}

/* --- The client -------------------------------------------------------------
 */

static int ask(struct fusion_arena *arena, int n, char **words)
{
	char text[TEXT_MAX] = "", answer[64];
	struct fusion_call *call;
	size_t size, used = 0;
	int r;

	for (int i = 0; i < n && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%s ", words[i]);
	if (used >= sizeof(text))
		return -E2BIG;
	r = fusion_call_lookup(arena, "calc", &call);
	if (r < 0) {
		fprintf(stderr, "calc: nobody serves there: %s\n",
			fusion_strerror(r));
		return r;
	}
	r = fusion_call_execute_bytes(call, NULL, 0, text, used, NULL, answer,
				      sizeof(answer), &size);
	if (r == 0)
		fwrite(answer, 1, size, stdout);
	else
		fprintf(stderr, "calc: %s: %s\n", text, strerror(-r));
	return r;
}

static int usage(void)
{
	fprintf(stderr, "Usage: calc serve ARENA\n"
			"       calc ask ARENA TEXT...\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct fusion_arena *arena;
	int r;

	if (argc < 3 || (strcmp(argv[1], "serve") != 0 &&
			 (strcmp(argv[1], "ask") != 0 || argc < 4)))
		return usage();
	r = fusion_arena_enter(argv[2], NULL, &arena);
	if (r < 0) {
		fprintf(stderr, "calc: %s\n", fusion_strerror(r));
		return 1;
	}
	r = argv[1][0] == 's' ? serve(arena) : ask(arena, argc - 3, argv + 3);
	fusion_arena_exit(arena, NULL, NULL, NULL);
	return r < 0;
}
