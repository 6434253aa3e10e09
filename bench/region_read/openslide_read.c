/* The peer of the region-read benchmark: OpenSlide called from C and nothing else. Reads the level-0 squares of a grid
 * over the slide, in the same order as `vpath-bench read`, and prints milliseconds a region.
 * With `fresh` the slide is opened anew for each round, so that tiles are decoded; with `cached` they come from
 * OpenSlide's cache where they fit. Opening is not timed. The first round is not timed: its bytes are summed, so that
 * both programs can be seen to have read the same pixels (the alpha of a slide without gaps is 255 everywhere).
 * Usage: openslide_read LIBRARY SLIDE SIZE ROUNDS cached|fresh */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct _openslide openslide_t;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
  if (argc != 6) return 64;
  void *library = dlopen(argv[1], RTLD_NOW);
  if (!library) { fprintf(stderr, "%s\n", dlerror()); return 69; }
  openslide_t *(*open_slide)(const char *) = (openslide_t * (*)(const char *)) dlsym(library, "openslide_open");
  void (*close_slide)(openslide_t *) = (void (*)(openslide_t *))dlsym(library, "openslide_close");
  void (*dimensions)(openslide_t *, int64_t *, int64_t *) =
      (void (*)(openslide_t *, int64_t *, int64_t *))dlsym(library, "openslide_get_level0_dimensions");
  void (*read_region)(openslide_t *, uint32_t *, int64_t, int64_t, int32_t, int64_t, int64_t) =
      (void (*)(openslide_t *, uint32_t *, int64_t, int64_t, int32_t, int64_t, int64_t))dlsym(library, "openslide_read_region");
  const char *(*get_error)(openslide_t *) = (const char *(*)(openslide_t *))dlsym(library, "openslide_get_error");
  if (!open_slide || !close_slide || !dimensions || !read_region || !get_error) return 69;
  int64_t width, height, size = atoi(argv[3]);
  int rounds = atoi(argv[4]), fresh = strcmp(argv[5], "fresh") == 0;
  uint32_t *pixels = malloc((size_t)(size * size) * 4);
  long regions = 0;
  uint64_t sum = 0;
  double taken = 0;
  openslide_t *slide = NULL;
  for (int round = -1; round < rounds; round++) {
    if (fresh && slide) { close_slide(slide); slide = NULL; }
    if (!slide) slide = open_slide(argv[2]);
    if (!slide || get_error(slide)) return 65;
    dimensions(slide, &width, &height);
    double start = now();
    for (int64_t y = 0; y + size <= height; y += size)
      for (int64_t x = 0; x + size <= width; x += size) {
        read_region(slide, pixels, x, y, 0, size, size);
        if (get_error(slide)) return 65;
        if (round >= 0) { regions++; continue; }
        for (int64_t i = 0; i < size * size; i++)
          sum += ((pixels[i] >> 16) & 255) + ((pixels[i] >> 8) & 255) + (pixels[i] & 255);
      }
    if (round >= 0) taken += now() - start;
  }
  close_slide(slide);
  printf("{\"regions\": %ld, \"millisecondsPerRegion\": %.4f, \"check\": %llu}\n", regions, taken * 1e3 / regions,
         (unsigned long long)sum);
  return 0;
}
