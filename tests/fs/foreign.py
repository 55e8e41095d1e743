#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""foreign.py LIBRARY ARENA - a language that cannot read C's headers

It has the shared library only: each function by its name, structs passed and
returned by value, and an iterator as so many bytes.  "done"; or an exception.
"""
import ctypes
import os
import sys
from ctypes import (POINTER, Structure, byref, c_char_p, c_int, c_uint32,
                    c_uint64, c_void_p)


class Value(Structure):
    _fields_ = [("word", c_uint64)]


class Key(Structure):
    _fields_ = [("at", c_uint64), ("type", c_uint32), ("size", c_uint32)]


class Iter(Structure):
    _fields_ = [("opaque", c_uint64 * 8)]


class Options(Structure):
    _fields_ = [("size", ctypes.c_size_t), ("keys", c_uint32),
                ("flags", c_uint32)]


LIB = ctypes.CDLL(sys.argv[1])


def function(name, result, *arguments):
    f = getattr(LIB, name)
    f.restype = result
    f.argtypes = arguments
    return f


enter = function("fusion_arena_enter", c_int, c_char_p, c_void_p,
                 POINTER(c_void_p))
malloc = function("fusion_malloc", c_void_p, c_void_p, ctypes.c_size_t)
of_pointer = function("fusion_value_pointer", Value, c_void_p)
of_word = function("fusion_value_word", Value, c_uint64)
pointer_of = function("fusion_value_get_pointer", c_void_p, Value)
key_string = function("fusion_key_string", Key, c_char_p)
key_bytes = function("fusion_key_bytes", Key, c_char_p, c_uint32)
key_int = function("fusion_key_int", Key, c_uint64)
key_pointer = function("fusion_key_pointer", Key, c_void_p)
pointer_of_key = function("fusion_key_get_pointer", c_void_p, Key)
create = function("fusion_hash_create", c_int, c_void_p, c_char_p,
                  POINTER(Options), POINTER(c_void_p))
insert = function("fusion_hash_insert", c_int, c_void_p, Key, Value)
lookup = function("fusion_hash_value", c_int, c_void_p, Key, POINTER(Value))
begin = function("fusion_hash_iter_begin", c_int, POINTER(Iter), c_void_p)
step = function("fusion_hash_next", c_int, POINTER(Iter), POINTER(Key),
                POINTER(Value))
STRING, INT, POINTER_KEY, BYTES = 1, 2, 3, 4
WORDS = 2


def expect(got, want):
    if got != want:
        raise AssertionError(f"{got!r}, not {want!r}")


def new_hash(keys, flags):
    handle = c_void_p()
    options = Options(ctypes.sizeof(Options), keys, flags)
    expect(create(arena, None, byref(options), byref(handle)), 0)
    return handle


def words_by_string():
    table = new_hash(STRING, WORDS)
    want = {f"key {i}".encode(): i << 40 for i in range(100)}
    got = {}
    for name, word in want.items():
        expect(insert(table, key_string(name), of_word(word)), 0)
    it, key, value = Iter(), Key(), Value()
    expect(begin(byref(it), table), 0)
    while step(byref(it), byref(key), byref(value)) == 1:
        got[ctypes.string_at(pointer_of_key(key))] = value.word
    expect(got, want)


def pointers_by_pointer():
    table = new_hash(POINTER_KEY, 0)
    block = malloc(arena, 64)
    value = Value()
    expect(insert(table, key_pointer(block), of_pointer(block + 8)), 0)
    expect(lookup(table, key_pointer(block), byref(value)), 0)
    expect(pointer_of(value), block + 8)


def words_by_int_and_bytes():
    for keys, key in ((INT, key_int(2**64 - 1)), (BYTES, key_bytes(b"a\0b", 3))):
        table = new_hash(keys, WORDS)
        value = Value()
        expect(key.type, keys)
        expect(insert(table, key, of_word(2**63)), 0)
        expect(lookup(table, key, byref(value)), 0)
        expect(value.word, 2**63)


arena = c_void_p()
r = enter(sys.argv[2].encode(), None, byref(arena))
if r < 0:
    raise OSError(-r, os.strerror(-r))
words_by_string()
pointers_by_pointer()
words_by_int_and_bytes()
print("done")
