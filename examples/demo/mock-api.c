/* An HTTP API before mock-db:
 *
 *   POST /data/<key>   stores the body, a line of text
 *   GET  /data/<key>   gives it back
 *   GET  /health       200 as long as the API itself runs
 *
 * 200 when the database did as it was asked within its 500 ms; else 503 with what went wrong, be it that it can't be
 * reached, is too slow, or has no such key. Listens on PORT (8080); the database is at DB_ADDR (localhost:5432).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define REQUEST 4096
#define PATIENCE_US 500000

static struct sockaddr_in database = {.sin_family = AF_INET};

/* "localhost:5432" or "127.0.0.1:5432". */
static int parse_address(const char *text)
{
    const char *colon = strrchr(text, ':');
    char host[64];

    if (!colon || colon - text >= (long)sizeof host)
        return 0;
    snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    database.sin_port = htons(atoi(colon + 1));
    return inet_pton(AF_INET, strcmp(host, "localhost") ? host : "127.0.0.1", &database.sin_addr) == 1;
}

/* Sends a line and reads one, without its end; 0, or an errno. */
static int ask(const char *line, char *reply, size_t size)
{
    struct timeval patience = {.tv_usec = PATIENCE_US};
    int connection = socket(AF_INET, SOCK_STREAM, 0), failed = 0;
    size_t got = 0;

    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(connection, (struct sockaddr *)&database, sizeof database) < 0 ||
        write(connection, line, strlen(line)) < 0)
        failed = errno;
    while (!failed && !memchr(reply, '\n', got)) {
        ssize_t more = got < size ? read(connection, reply + got, size - got) : 0;
        if (more <= 0)
            failed = more < 0 ? errno : ECONNRESET;
        else
            got += more;
    }
    close(connection);
    if (!failed)
        *(char *)memchr(reply, '\n', got) = '\0';
    return failed == EAGAIN || failed == EINPROGRESS ? ETIMEDOUT : failed;
}

static void respond(int connection, int status, const char *text)
{
    const char *reason = status == 200 ? "OK" : status == 404 ? "Not Found" : status == 400 ? "Bad Request"
                                                                              : "Service Unavailable";
    dprintf(connection, "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
            status, reason, strlen(text), text);
}

static void data(int connection, const char *method, const char *key, const char *body)
{
    char line[2 * REQUEST], reply[2 * REQUEST];
    int writes = strcmp(method, "POST") == 0, failed;

    if (!*key || strchr(key, ' ') || strpbrk(body, "\r\n")) {
        respond(connection, 400, "a key is a word, a value is a line");
        return;
    }
    snprintf(line, sizeof line, writes ? "SET %s %s\n" : "GET %s\n", key, body);
    failed = ask(line, reply, sizeof reply);
    if (failed)
        respond(connection, 503, strerror(failed));
    else if (writes ? strcmp(reply, "OK") == 0 : strncmp(reply, "VALUE ", 6) == 0)
        respond(connection, 200, writes ? "stored" : reply + 6);
    else
        respond(connection, 503, reply);
}

static void route(int connection, const char *method, const char *path, const char *body)
{
    int reads = strcmp(method, "GET") == 0, writes = strcmp(method, "POST") == 0;

    if (reads && strcmp(path, "/health") == 0)
        respond(connection, 200, "healthy");
    else if ((reads || writes) && strncmp(path, "/data/", 6) == 0)
        data(connection, method, path + 6, body);
    else
        respond(connection, 404, "no such route");
}

/* The head and the body of one request into `request`; where the body begins, or NULL. */
static char *receive(int connection, char *request, size_t size)
{
    size_t got = 0, wanted = size;

    while (got < wanted) {
        ssize_t more = read(connection, request + got, size - 1 - got);
        if (more <= 0)
            return NULL;
        got += more;
        request[got] = '\0';
        char *end = strstr(request, "\r\n\r\n"), *length = strcasestr(request, "\r\nContent-Length:");
        if (end) {
            wanted = end + 4 - request + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
            if (got >= wanted)
                return end + 4;
        }
    }
    return NULL;
}

static void *serve(void *argument)
{
    int connection = (int)(long)argument;
    char request[REQUEST], method[8], path[1024];
    char *body = receive(connection, request, sizeof request);

    if (body && sscanf(request, "%7s %1023s", method, path) == 2)
        route(connection, method, path, body);
    else
        respond(connection, 400, "not a request of at most 4 KiB");
    close(connection);
    return NULL;
}

int main(void)
{
    const char *port = getenv("PORT"), *db = getenv("DB_ADDR");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port ? atoi(port) : 8080)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    signal(SIGPIPE, SIG_IGN);
    if (!parse_address(db ? db : "localhost:5432")) {
        fprintf(stderr, "mock-api: DB_ADDR must be localhost:PORT or an IPv4 address with a port, not %s\n", db);
        return 2;
    }
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 64) < 0) {
        perror("mock-api");
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
