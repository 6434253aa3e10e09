/* The peer of the region-read benchmark: OpenSlide called from C and nothing else. Reads the level-0 regions of a grid
 * over the slide, in the same order as the daemon's tools do, and prints milliseconds a region.
 * Usage: openslide_read LIBRARY SLIDE SIZE ROUNDS */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct _openslide openslide_t;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
  if (argc != 5) return 64;
  void *library = dlopen(argv[1], RTLD_NOW);
  if (!library) { fprintf(stderr, "%s\n", dlerror()); return 69; }
  openslide_t *(*open_slide)(const char *) = (openslide_t * (*)(const char *)) dlsym(library, "openslide_open");
  void (*dimensions)(openslide_t *, int64_t *, int64_t *) =
      (void (*)(openslide_t *, int64_t *, int64_t *))dlsym(library, "openslide_get_level0_dimensions");
  void (*read_region)(openslide_t *, uint32_t *, int64_t, int64_t, int32_t, int64_t, int64_t) =
      (void (*)(openslide_t *, uint32_t *, int64_t, int64_t, int32_t, int64_t, int64_t))dlsym(library, "openslide_read_region");
  const char *(*get_error)(openslide_t *) = (const char *(*)(openslide_t *))dlsym(library, "openslide_get_error");
  openslide_t *slide = open_slide(argv[2]);
  if (!slide || get_error(slide)) return 65;
  int64_t width, height, size = atoi(argv[3]);
  dimensions(slide, &width, &height);
  uint32_t *pixels = malloc((size_t)(size * size) * 4);
  int regions = 0;
  uint64_t sum = 0;
  double start = 0;
  for (int round = -1; round < atoi(argv[4]); round++) {
    if (round == 0) start = now();
    for (int64_t y = 0; y + size <= height; y += size)
      for (int64_t x = 0; x + size <= width; x += size) {
        read_region(slide, pixels, x, y, 0, size, size);
        if (get_error(slide)) return 65;
        sum += pixels[(size * size) / 2];
        if (round >= 0) regions++;
      }
  }
  printf("{\"regions\": %d, \"millisecondsPerRegion\": %.3f, \"check\": %llu}\n", regions, (now() - start) * 1e3 / regions,
         (unsigned long long)sum);
  return 0;
}
