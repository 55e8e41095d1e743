/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls of ZeroMQ: REQ and REP over ipc, each with a thread of the library. */
#include <zmq.h>

#include "call_load.h"

static char address[64];
static void *socket_;

static int open_socket(int type, int (*attach)(void *, const char *))
{
	void *context = zmq_ctx_new();

	socket_ = context ? zmq_socket(context, type) : NULL;
	if (!socket_ || attach(socket_, address))
		return -zmq_errno();
	return 0;
}

static int call_prepare(void)
{
	/* '@': a name that is no file. */
	snprintf(address, sizeof(address), "ipc://@fusion-bench-%d",
		 (int)getpid());
	return 0;
}

static void call_serve(void)
{
	uint64_t word;

	if (open_socket(ZMQ_REP, zmq_bind) < 0)
		_exit(1);
	peers_ready();
	while (zmq_recv(socket_, &word, sizeof(word), 0) == sizeof(word)) {
		word++;
		if (zmq_send(socket_, &word, sizeof(word), 0) < 0)
			break;
	}
}

static int call_enter(void)
{
	return open_socket(ZMQ_REQ, zmq_connect);
}

static int64_t call_once(uint32_t word)
{
	uint64_t value = word;

	if (zmq_send(socket_, &value, sizeof(value), 0) != sizeof(value) ||
	    zmq_recv(socket_, &value, sizeof(value), 0) != sizeof(value))
		return -zmq_errno();
	return (int64_t)value;
}

int main(void)
{
	return call_main();
}
