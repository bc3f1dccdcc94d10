/* On any line: eight threads write ten records each to a file of their own; the answer shows which writes failed. */
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 8, WRITES = 10 };
static char pattern[THREADS][WRITES + 1];

static void *race(void *argument) {
    long number = (long)argument;
    char path[64];
    snprintf(path, sizeof path, "/var/tmp/race-%ld", number);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    for (int i = 0; i < WRITES; i++) pattern[number][i] = write(file, "x", 1) == 1 ? '.' : 'X';
    close(file);
    return NULL;
}

int main(void) {
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(7000), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 16)) return 1;
    for (;;) {
        char text[256] = "pattern";
        int peer = accept(listener, NULL, NULL);
        if (recv(peer, text + 128, 64, 0) > 0) {
            pthread_t threads[THREADS];
            for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, race, (void *)i);
            for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
            for (int i = 0; i < THREADS; i++) strcat(strcat(text, " "), pattern[i]);
            strcat(text, "\n");
            send(peer, text, strlen(text), 0);
        }
        close(peer);
    }
}
