/* A key-value store over TCP, a line each way, all in memory:
 *
 *   PING              -> PONG
 *   SET <key> <value> -> OK
 *   GET <key>         -> VALUE <value> | NONE
 *
 * Listens on PORT (5432). Every connection, and every command before it is answered, is logged to stdout.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE 4096

struct entry {
    char *key, *value;
    struct entry *next;
};

static struct entry *entries;
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static struct entry *find(const char *key)
{
    struct entry *each = entries;
    while (each && strcmp(each->key, key) != 0)
        each = each->next;
    return each;
}

static int set(const char *key, const char *value)
{
    struct entry *found = find(key);
    char *copy = strdup(value);

    if (!copy)
        return 0;
    if (!found) {
        found = calloc(1, sizeof *found);
        if (!found || !(found->key = strdup(key))) {
            free(found);
            free(copy);
            return 0;
        }
        found->next = entries;
        entries = found;
    }
    free(found->value);
    found->value = copy;
    return 1;
}

static void answer(char *line, char *reply, size_t size)
{
    char *value = NULL, *command = strtok_r(line, " ", &value), *key = strtok_r(NULL, " ", &value);
    struct entry *found;

    if (command && strcmp(command, "PING") == 0)
        snprintf(reply, size, "PONG\n");
    else if (command && key && strcmp(command, "SET") == 0)
        snprintf(reply, size, set(key, value) ? "OK\n" : "ERROR out of memory\n");
    else if (command && key && strcmp(command, "GET") == 0)
        if ((found = find(key)))
            snprintf(reply, size, "VALUE %s\n", found->value);
        else
            snprintf(reply, size, "NONE\n");
    else
        snprintf(reply, size, "ERROR unknown command\n");
}

static void *serve(void *argument)
{
    int connection = (int)(long)argument;
    char line[LINE], reply[LINE + 16];
    FILE *in = fdopen(connection, "r");

    dprintf(STDOUT_FILENO, "connection %d\n", connection);
    while (in && fgets(line, sizeof line, in)) {
        line[strcspn(line, "\r\n")] = '\0';
        dprintf(STDOUT_FILENO, "%s\n", line);
        pthread_mutex_lock(&one_at_a_time);
        answer(line, reply, sizeof reply);
        pthread_mutex_unlock(&one_at_a_time);
        if (write(connection, reply, strlen(reply)) < 0)
            break;
    }
    if (in)
        fclose(in);
    return NULL;
}

int main(void)
{
    const char *port = getenv("PORT");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port ? atoi(port) : 5432)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    signal(SIGPIPE, SIG_IGN);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 64) < 0) {
        perror("mock-db");
        return 1;
    }
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        pthread_t thread;
        if (connection < 0)
            continue;
        if (pthread_create(&thread, NULL, serve, (void *)(long)connection) == 0)
            pthread_detach(thread);
        else
            close(connection);
    }
}
