// What a stranger might hand in: it draws a picture, and then looks around.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WIDTH = 72, HEIGHT = 22, STEPS = 1000 };

/** Steps until the point leaves the circle of radius 2, at most STEPS. */
static int steps(double re, double im) {
  double x = 0, y = 0;
  int count = 0;
  for (; count < STEPS && x * x + y * y < 4; count++) {
    double next = x * x - y * y + re;
    y = 2 * x * y + im;
    x = next;
  }
  return count;
}

static void draw(void) {
  static const char shades[] = " .,:;-=+o*%#";
  for (int row = 0; row < HEIGHT; row++) {
    for (int column = 0; column < WIDTH; column++) {
      int count = steps(-2.3 + 3.2 * column / WIDTH, -1.2 + 2.4 * row / HEIGHT);
      putchar(count == STEPS ? '@' : shades[count < 12 ? count : 11]);
    }
    putchar('\n');
  }
}

static void attempt(const char *what, int worked) { printf("  %-26s %s\n", what, worked ? "worked" : strerror(errno)); }

int main(void) {
  char byte;
  draw();
  attempt("read /etc/passwd", open("/etc/passwd", O_RDONLY) >= 0);
  attempt("leave a file behind", open("left-behind", O_WRONLY | O_CREAT, 0600) >= 0);
  attempt("list the directory", opendir(".") != NULL);
  attempt("read from descriptor 3", read(3, &byte, 1) >= 0);
  attempt("take a connection on it", accept(3, NULL, NULL) >= 0);
  printf("  %-26s %s\n", "see who you are", getenv("USER") ? getenv("USER") : "not told");
}
