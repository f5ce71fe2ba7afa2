/*
 * "seed": writes Redis commands for "redis-cli --pipe", in Redis's protocol:
 * users 1 to N named bench1 to benchN with a session each, all members of the
 * rooms that "fan" talks in, and messages of a room's past.
 *
 * A session is what the module makes at log-in: Redis has the hash of its
 * token.  For the other servers it is there under its token as well.
 */

#define _GNU_SOURCE
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"


#define PASSWORD  "password123"


static void command(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
static void seed_user(int user, const char *password);
static void seed_session(int user);
static void seed_history(void);


int
seed(void)
{
    int   i;
    char  password[crypto_pwhash_STRBYTES];

    if (sodium_init() < 0
        || crypto_pwhash_str(password, PASSWORD, strlen(PASSWORD),
                             crypto_pwhash_OPSLIMIT_INTERACTIVE,
                             crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
    {
        die("libsodium fails");
    }

    command("SET\ttotal_users\t%d", opt.users);
    command("SET\troom:0:name\tGeneral");

    if (opt.rooms > 1) {
        for (i = 0; i < opt.rooms; i++) {
            command("SET\troom:%s:name\tBench %d", room_name(i), i);
        }
    }

    for (i = 1; i <= opt.users; i++) {
        seed_user(i, password);
        seed_session(i);
    }

    seed_history();

    return 0;
}


/* words are separated by tabs */

static void
command(const char *format, ...)
{
    int         words;
    char        text[4096], *p, *word;
    va_list     args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    words = 1;

    for (p = text; *p; p++) {
        words += *p == '\t';
    }

    printf("*%d\r\n", words);

    for (p = text; (word = strsep(&p, "\t")); /* void */ ) {
        printf("$%zu\r\n%s\r\n", strlen(word), word);
    }
}


static void
seed_user(int user, const char *password)
{
    int  i;

    command("HSET\tuser:%d\tusername\tbench%d\tpassword\t%s", user, user,
            password);
    command("SET\tusername:bench%d\tuser:%d", user, user);
    command("SADD\tuser:%d:rooms\t0", user);

    if (opt.rooms > 1) {
        for (i = 0; i < opt.rooms; i++) {
            command("SADD\tuser:%d:rooms\t%s", user, room_name(i));
        }
    }
}


static void
seed_session(int user)
{
    char           token[TOKEN_LEN + 1], hash[TOKEN_LEN + 1], json[64];
    unsigned char  bytes[32];

    token_make(token, user);

    crypto_generichash(bytes, sizeof(bytes), (unsigned char *) token, TOKEN_LEN,
                       NULL, 0);
    sodium_bin2base64(hash, sizeof(hash), bytes, sizeof(bytes),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);

    snprintf(json, sizeof(json), "{\"id\":\"%d\",\"username\":\"bench%d\"}",
             user, user);

    command("SET\tchat:session:%s\t%s\tEX\t604800", hash, json);
    command("SET\tbench:session:%s\t%s\tEX\t604800", token, json);
    command("ZADD\tchat:sessions:%d\t9999999999\t%s", user, hash);
}


static void
seed_history(void)
{
    int     i, date;
    char    text[1024];
    mark_t  mark;

    for (i = 0; i < opt.history; i++) {
        date = 1600000000 + i;

        mark.sender = 0;
        mark.seq = i;
        mark.due = 0;
        text[text_make(text, &mark, opt.size)] = '\0';

        command("ZADD\troom:0\t%d.000000\t{\"id\":\"%d.000000\",\"from\":\"1\","
                "\"date\":%d,\"message\":\"%s\",\"roomId\":\"0\"}", date, date,
                date, text);
    }
}
