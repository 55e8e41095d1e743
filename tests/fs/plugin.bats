# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The library in a plugin that is unloaded: tests/fs/plugin_host.c.

bats_require_minimum_version 1.5.0
load life

: "${PLUGIN_HOST:?path of the program, tests/fs/plugin_host.c}"
: "${FUSION_SO:?path of the shared library}"

setup() {
	if nm -D "$FUSION_SO" 2>/dev/null | grep -q ' U __[at]san_init'; then
		skip "a library with a sanitizer cannot be loaded late"
	fi
	life_setup
}

teardown() {
	life_teardown
}

# unload_after HOW
unload_after() {
	run -0 timeout 20 "$PLUGIN_HOST" "$FUSION_SO" "$1"
	[ "$output" = ok ]
}

@test "plugin: a thread that used the library ends after it was unloaded" {
	unload_after thread
}

@test "plugin: so does the main thread" {
	unload_after main
}

@test "plugin: a thread of the library's own was running" {
	unload_after dispatch
}

@test "plugin: nobody left the arena before the library was unloaded" {
	unload_after inside
}

@test "plugin: a destructor of the thread's still frees a block" {
	unload_after key
}

@test "plugin: the host forks after the library was unloaded" {
	unload_after fork
}

@test "plugin: the library is loaded and used again" {
	unload_after again
}
