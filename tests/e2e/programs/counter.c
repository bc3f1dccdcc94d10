/* Reads a number per connection, writes that many records to a file, says how many succeeded. */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(7000), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 16)) return 1;
    int file = open("/var/tmp/records", O_WRONLY | O_CREAT | O_APPEND, 0644);
    for (;;) {
        char text[64] = {0};
        int peer = accept(listener, NULL, NULL);
        if (recv(peer, text, sizeof text - 1, 0) > 0) {
            int written = 0, failed = 0;
            for (int left = atoi(text); left > 0; left--) {
                if (write(file, "record\n", 7) == 7) written++; else failed++;
            }
            int length = snprintf(text, sizeof text, "%d written, %d failed\n", written, failed);
            send(peer, text, length, 0);
        }
        close(peer);
    }
}
