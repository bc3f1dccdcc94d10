/* A database as small as one can be: lines over TCP, rows in a file, each on disk before it is confirmed.
 *
 *   INSERT <row>   -> OK | ERROR <errno>
 *   SELECT         -> ROWS <n>
 *
 * db PORT FILE, built static. A thread a connection; a connection that can't be written to is closed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int table;
static int rows;
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static int insert(const char *row)
{
    int failed = 0;
    pthread_mutex_lock(&one_at_a_time);
    if (write(table, row, strlen(row)) < 0 || fsync(table) < 0)
        failed = errno;
    else
        rows++;
    pthread_mutex_unlock(&one_at_a_time);
    return failed;
}

static void answer(const char *line, char *reply, size_t size)
{
    if (strncmp(line, "INSERT ", 7) == 0) {
        int failed = insert(line + 7);
        if (failed)
            snprintf(reply, size, "ERROR %d\n", failed);
        else
            snprintf(reply, size, "OK\n");
    } else {
        snprintf(reply, size, "ROWS %d\n", rows);
    }
}

static void *serve(void *argument)
{
    int connection = (int)(long)argument;
    char line[512], reply[64];
    FILE *in = fdopen(connection, "r");

    while (fgets(line, sizeof line, in)) {
        answer(line, reply, sizeof reply);
        if (write(connection, reply, strlen(reply)) < 0)
            break;
    }
    fclose(in);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    if (argc != 3)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    address.sin_port = htons(atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    table = open(argv[2], O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (table < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 64) < 0) {
        perror("db");
        return 1;
    }
    for (;;) {
        pthread_t thread;
        int connection = accept(listener, NULL, NULL);
        if (connection < 0)
            continue;
        pthread_create(&thread, NULL, serve, (void *)(long)connection);
        pthread_detach(thread);
    }
}
