/*
 * The command line: load MODE [--OPTION VALUE]...
 *
 * All modes: --port N, --clients N, --users N, --size BYTES (of a text),
 * --server PIDS and --redis PIDS (whose cost is reported), --from ADDRESS.
 * What each mode does, and its other options, are in its own file.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "load.h"


options_t  opt = {
    .path = "/",
    .clients = 1,
    .senders = 1,
    .users = 1,
    .rooms = 1,
    .window = 1,
    .size = 64,
    .open = 64,
    .warmup = 0.5,
};


typedef struct {
    const char   *name;
    char          type;             /* s, i, d: string, int, double */
    void         *value;
} option_t;


static const option_t  options[] = {
    { "--from",    's', &opt.from },
    { "--path",    's', &opt.path },
    { "--body",    's', &opt.body },
    { "--server",  's', &opt.server },
    { "--redis",   's', &opt.redis },
    { "--hold",    's', &opt.hold },
    { "--port",    'i', &opt.port },
    { "--sio",     'i', &opt.sio },
    { "--deflate", 'i', &opt.deflate },
    { "--clients", 'i', &opt.clients },
    { "--senders", 'i', &opt.senders },
    { "--users",   'i', &opt.users },
    { "--rooms",   'i', &opt.rooms },
    { "--window",  'i', &opt.window },
    { "--size",    'i', &opt.size },
    { "--history", 'i', &opt.history },
    { "--open",    'i', &opt.open },
    { "--rate",    'd', &opt.rate },
    { "--seconds", 'd', &opt.seconds },
    { "--warmup",  'd', &opt.warmup },
};


static const struct {
    const char   *name;
    int         (*run)(void);
} modes[] = {
    { "fan",    fan },
    { "pss",    pss },
    { "rest",   rest },
    { "resume", resume },
    { "seed",   seed },
};


static void parse(int argc, char **argv);


int
main(int argc, char **argv)
{
    size_t         i;
    struct rlimit  limit;

    parse(argc, argv);

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);

    signal(SIGPIPE, SIG_IGN);

    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(opt.mode, modes[i].name) == 0) {
            loop_init();
            return modes[i].run();
        }
    }

    die("no mode %s", opt.mode);
}


static void
parse(int argc, char **argv)
{
    int              i;
    const option_t  *o, *end;

    if (argc % 2) {
        die("usage: load fan|pss|rest|resume|seed [--option value]...");
    }

    opt.mode = argv[1];
    end = options + sizeof(options) / sizeof(options[0]);

    for (i = 2; i < argc; i += 2) {

        if (strcmp(argv[i], "--at") == 0 && opt.nhooks < 16) {
            opt.hooks[opt.nhooks++] = argv[i + 1];
            continue;
        }

        for (o = options; o < end && strcmp(o->name, argv[i]) != 0; o++) {
            /* void */
        }

        if (o == end) {
            die("no option %s", argv[i]);
        }

        switch (o->type) {
        case 's': *(char **) o->value = argv[i + 1]; break;
        case 'i': *(int *) o->value = atoi(argv[i + 1]); break;
        default:  *(double *) o->value = atof(argv[i + 1]);
        }
    }

    if (opt.clients < 1 || opt.senders < 1 || opt.senders > opt.clients
        || opt.users < 1 || opt.rooms < 1 || opt.window < 1 || opt.open < 1
        || opt.size < MARK_LEN || opt.size > 1000)
    {
        die("a number is out of its range");
    }
}
