/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clients of the message bus that $BENCH_BUS names, with sd-bus
 *
 *   enter      connect until the bus has answered Hello, timed; disconnect
 *   round      both timed
 */
#include <systemd/sd-bus.h>

#include "worker.h"

/* As sd_bus_open_user(), but for another bus: the unique name is there only
 * when Hello has been answered. */
static int bus_connect(sd_bus **ret)
{
	const char *address = getenv("BENCH_BUS"), *name;
	sd_bus *bus = NULL;
	int r = sd_bus_new(&bus);

	if (r >= 0)
		r = sd_bus_set_address(bus, address ? address : "");
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, 1);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		r = sd_bus_get_unique_name(bus, &name);
	if (r < 0) {
		sd_bus_unref(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

static int time_rounds(uint64_t n, double *ret_enter, double *ret_all)
{
	double entering = 0, all = 0;

	for (uint64_t i = 0; i < n; i++) {
		sd_bus *bus;
		double t = wall_ns();
		int r = bus_connect(&bus);

		if (r < 0)
			return r;
		entering += wall_ns() - t;
		sd_bus_flush_close_unref(bus);
		all += wall_ns() - t;
	}
	*ret_enter = entering / (double)n;
	*ret_all = all / (double)n;
	return 0;
}

static int run_enter(uint64_t n, const char *arg, double *ret_ns)
{
	double unused;

	(void)arg;
	return time_rounds(n, ret_ns, &unused);
}

static int run_round(uint64_t n, const char *arg, double *ret_ns)
{
	double unused;

	(void)arg;
	return time_rounds(n, &unused, ret_ns);
}

int main(void)
{
	static const struct worker_row rows[] = {
		{"enter", run_enter},
		{"round", run_round},
		{NULL, NULL},
	};

	return worker_serve(rows);
}
