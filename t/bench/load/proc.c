/*
 * What other processes cost, from /proc: the CPU time of all their threads in
 * nanoseconds (schedstat), user and system as the clock's ticks found them
 * (stat), and their proportional set size (smaps_rollup), which "pss" prints.
 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "load.h"


static void
each_pid(const char *pids, void (*handler)(int pid, void *data), void *data)
{
    char  *end;

    for ( /* void */ ; pids && *pids; pids = *end ? end + 1 : end) {
        handler((int) strtol(pids, &end, 10), data);
    }
}


static void
add_cpu(int pid, void *data)
{
    DIR                 *dir;
    FILE                *file;
    char                 path[320];
    struct dirent       *entry;
    unsigned long long   ns;

    snprintf(path, sizeof(path), "/proc/%d/task", pid);

    dir = opendir(path);
    if (dir == NULL) {
        die("process %d is gone", pid);
    }

    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.') {
            continue;
        }

        snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid,
                 entry->d_name);

        file = fopen(path, "r");
        if (file == NULL) {
            continue;
        }

        if (fscanf(file, "%llu", &ns) == 1) {
            *(uint64_t *) data += ns;
        }

        fclose(file);
    }

    closedir(dir);
}


static void
add_ticks(int pid, void *data)
{
    FILE                *file;
    char                 path[64];
    cost_t              *cost = data;
    unsigned long long   user, system;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);

    file = fopen(path, "r");
    if (file == NULL) {
        die("process %d is gone", pid);
    }

    if (fscanf(file, "%*d %*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
               "%llu %llu", &user, &system) == 2)
    {
        cost->user += user;
        cost->system += system;
    }

    fclose(file);
}


static void
add_pss(int pid, void *data)
{
    FILE                *file;
    char                 line[256], path[64];
    unsigned long long   kb;

    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);

    file = fopen(path, "r");
    if (file == NULL) {
        die("process %d is gone", pid);
    }

    while (fgets(line, sizeof(line), file)) {
        if (sscanf(line, "Pss: %llu kB", &kb) == 1) {
            *(uint64_t *) data += kb * 1024;
        }
    }

    fclose(file);
}


cost_t
cost_now(void)
{
    cost_t           cost;
    struct timespec  ts;

    memset(&cost, 0, sizeof(cost));

    each_pid(opt.server, add_cpu, &cost.server);
    each_pid(opt.server, add_ticks, &cost);
    each_pid(opt.redis, add_cpu, &cost.redis);

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    cost.own = ts.tv_sec * SECOND + ts.tv_nsec;
    cost.wall = clock_now();

    return cost;
}


cost_t
cost_since(const cost_t *start)
{
    cost_t  cost;

    cost = cost_now();

    cost.wall -= start->wall;
    cost.own -= start->own;
    cost.server -= start->server;
    cost.redis -= start->redis;
    cost.user -= start->user;
    cost.system -= start->system;

    return cost;
}


uint64_t
server_pss(void)
{
    uint64_t  bytes;

    bytes = 0;
    each_pid(opt.server, add_pss, &bytes);

    return bytes;
}


int
pss(void)
{
    out_open();
    out_int("pss_bytes", server_pss());
    out_close();

    return 0;
}
