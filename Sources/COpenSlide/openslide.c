// Finds OpenSlide's functions in a shared library at run time.
// What must stay true: either every pointer of the table is set, or the caller gets a message and no table.

#include "COpenSlide.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int vp_openslide_load(const char *library, vp_openslide_functions *functions, char *message, int message_size) {
  memset(functions, 0, sizeof *functions);
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) {
    const char *reason = dlerror();
    snprintf(message, (size_t)message_size, "%s", reason == NULL ? "the library cannot be loaded" : reason);
    return -1;
  }
  struct {
    const char *name;
    void *slot;
  } wanted[] = {
      {"openslide_get_version", &functions->get_version},
      {"openslide_detect_vendor", &functions->detect_vendor},
      {"openslide_open", &functions->open},
      {"openslide_close", &functions->close},
      {"openslide_get_error", &functions->get_error},
      {"openslide_get_level_count", &functions->get_level_count},
      {"openslide_get_level_dimensions", &functions->get_level_dimensions},
      {"openslide_get_level_downsample", &functions->get_level_downsample},
      {"openslide_get_property_value", &functions->get_property_value},
      {"openslide_read_region", &functions->read_region},
  };
  for (size_t index = 0; index < sizeof wanted / sizeof wanted[0]; index++) {
    void *symbol = dlsym(handle, wanted[index].name);
    if (symbol == NULL) {
      snprintf(message, (size_t)message_size, "it has no function %s", wanted[index].name);
      memset(functions, 0, sizeof *functions);
      dlclose(handle);
      return -1;
    }
    // POSIX lets an object pointer carry a function's address; ISO C does not, hence the copy.
    memcpy(wanted[index].slot, &symbol, sizeof symbol);
  }
  return 0;
}
