/*
 * Included ahead of every source of the module when it is built for valgrind:
 * pool.h, and passwords that cost next to nothing.  Argon2id's own work, which
 * is libsodium's, would take it the better part of a minute each time.
 */

#ifndef CHAT_TEST_VALGRIND_H
#define CHAT_TEST_VALGRIND_H

#include "pool.h"

#include <sodium.h>

#undef crypto_pwhash_OPSLIMIT_INTERACTIVE
#undef crypto_pwhash_MEMLIMIT_INTERACTIVE
#define crypto_pwhash_OPSLIMIT_INTERACTIVE  crypto_pwhash_OPSLIMIT_MIN
#define crypto_pwhash_MEMLIMIT_INTERACTIVE  crypto_pwhash_MEMLIMIT_MIN


#endif /* CHAT_TEST_VALGRIND_H */
