/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls of D-Bus with sd-bus: from peer to peer over a pair of sockets, or by
 * the bus that $BENCH_BUS names.  What that takes counts, too: process
 * $BENCH_BUS_PID. */
#include <sys/socket.h>

#include <systemd/sd-bus.h>

#include "call_load.h"

#define NAME "org.fusion.Bench"
#define PATH "/bench"

static const char *address; /* of the bus, or NULL */
static int fd[2];
static sd_bus *bus;

static int call_prepare(void)
{
	if (address)
		return 0;
	return socketpair(AF_UNIX, SOCK_STREAM, 0, fd) ? -errno : 0;
}

static int open_bus(int i)
{
	int r = sd_bus_new(&bus);

	if (r >= 0 && address) {
		r = sd_bus_set_address(bus, address);
		if (r >= 0)
			r = sd_bus_set_bus_client(bus, 1);
	} else if (r >= 0) {
		sd_id128_t id = {{1}};

		r = sd_bus_set_fd(bus, fd[i], fd[i]);
		if (r >= 0 && i)
			r = sd_bus_set_server(bus, 1, id);
	}
	return r < 0 ? r : sd_bus_start(bus);
}

static int echo(sd_bus_message *m, void *ctx, sd_bus_error *ret_error)
{
	uint64_t word;
	int r;

	(void)ctx;
	(void)ret_error;
	if (!sd_bus_message_is_method_call(m, NAME, "Next"))
		return 0;
	r = sd_bus_message_read(m, "t", &word);
	return r < 0 ? r : sd_bus_reply_method_return(m, "t", word + 1);
}

static void call_serve(void)
{
	int r = open_bus(1);

	if (r >= 0)
		r = sd_bus_add_object(bus, NULL, PATH, echo, NULL);
	if (r >= 0 && address)
		r = sd_bus_request_name(bus, NAME, 0);
	if (r < 0)
		_exit(1);
	peers_ready();
	while (r >= 0) {
		r = sd_bus_process(bus, NULL);
		if (!r)
			r = sd_bus_wait(bus, UINT64_MAX);
	}
}

static int call_enter(void)
{
	return open_bus(0);
}

static int64_t call_once(uint32_t word)
{
	sd_bus_message *reply = NULL;
	uint64_t value = 0;
	int r = sd_bus_call_method(bus, address ? NAME : NULL, PATH, NAME,
				   "Next", NULL, &reply, "t", (uint64_t)word);

	if (r >= 0)
		r = sd_bus_message_read(reply, "t", &value);
	sd_bus_message_unref(reply);
	return r < 0 ? r : (int64_t)value;
}

/* The daemon goes before others as we do. */
static void promote_daemon(void)
{
	const char *pid = getenv("BENCH_BUS_PID");
	struct sched_param first = {.sched_priority = 1};

	if (!pid)
		return;
	peers.servant = (pid_t)atoi(pid);
	sched_setscheduler(peers.servant, SCHED_FIFO, &first);
}

int main(void)
{
	address = getenv("BENCH_BUS");
	if (address)
		promote_daemon();
	return call_main();
}
