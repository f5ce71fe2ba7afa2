/*
 * Preloaded into nginx by the soak test: at SIGRTMIN a process writes how many
 * bytes of its heap are in use to the file {CHAT_HEAP}.{pid}.  What allocators
 * hold back comes and goes by megabytes; this doesn't.
 */

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


static char  prefix[200];


/* safe only while nobody allocates, as in a worker that has nothing to do */

static void
heap(int signo)
{
    int               fd, n;
    char              text[256];
    struct mallinfo2  info;

    (void) signo;

    info = mallinfo2();

    (void) snprintf(text, sizeof(text), "%s.%d", prefix, (int) getpid());
    fd = open(text, O_WRONLY | O_CREAT | O_EXCL, 0644);

    if (fd != -1) {
        n = snprintf(text, sizeof(text), "%zu\n", info.uordblks + info.hblkhd);
        (void) !write(fd, text, (size_t) n);
        (void) close(fd);
    }
}


__attribute__((constructor)) static void
heap_start(void)
{
    const char        *name;
    struct sigaction   action = { .sa_handler = heap, .sa_flags = SA_RESTART };

    name = getenv("CHAT_HEAP");

    if (name) {
        (void) snprintf(prefix, sizeof(prefix), "%s", name);
        (void) sigaction(SIGRTMIN, &action, NULL);
    }
}
