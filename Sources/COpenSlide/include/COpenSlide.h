// OpenSlide's functions as pointers found at run time, so that the same program runs with the OpenSlide 4 that
// set-up fetched or with the system's 3.4, and so that a missing library is an error message and not a failed start.
// What must stay true: the signatures are those of openslide.h, the same in 3.4.1 and 4.0; to use another function,
// add it here and to the table in openslide.c.

#ifndef VPATH_COPENSLIDE_H
#define VPATH_COPENSLIDE_H

#include <stdint.h>

// An open slide.
typedef struct vp_openslide_t vp_openslide_t;

// The functions of one loaded library.
typedef struct {
  const char *(*get_version)(void);
  const char *(*detect_vendor)(const char *filename);
  vp_openslide_t *(*open)(const char *filename);
  void (*close)(vp_openslide_t *slide);
  const char *(*get_error)(vp_openslide_t *slide);
  int32_t (*get_level_count)(vp_openslide_t *slide);
  void (*get_level_dimensions)(vp_openslide_t *slide, int32_t level, int64_t *width, int64_t *height);
  double (*get_level_downsample)(vp_openslide_t *slide, int32_t level);
  const char *(*get_property_value)(vp_openslide_t *slide, const char *name);
  void (*read_region)(vp_openslide_t *slide, uint32_t *pixels, int64_t x, int64_t y, int32_t level, int64_t width,
                      int64_t height);
} vp_openslide_functions;

// Loads a library by path or name and finds every function. Gives 0, or -1 with a message (always terminated) in
// `message`. The library stays loaded.
int vp_openslide_load(const char *library, vp_openslide_functions *functions, char *message, int message_size);

#endif
