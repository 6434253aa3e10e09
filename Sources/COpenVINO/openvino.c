// Finds OpenVINO's functions in a shared library at run time.
// What must stay true: either every pointer of the table is set and the version is one whose structs we know, or the
// caller gets a message and no table.

#include "COpenVINO.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

// The structs above are those of this year's releases.
static const char supported[] = "2026.";

int vp_openvino_load(const char *library, vp_openvino_functions *functions, char *version, int version_size,
                     char *message, int message_size) {
  memset(functions, 0, sizeof *functions);
  version[0] = 0;
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
      {"ov_get_openvino_version", &functions->get_version},
      {"ov_version_free", &functions->version_free},
      {"ov_get_error_info", &functions->get_error_info},
      {"ov_get_last_err_msg", &functions->get_last_err_msg},
      {"ov_core_create", &functions->core_create},
      {"ov_core_free", &functions->core_free},
      {"ov_core_read_model", &functions->core_read_model},
      {"ov_model_free", &functions->model_free},
      {"ov_model_inputs_size", &functions->model_inputs_size},
      {"ov_model_outputs_size", &functions->model_outputs_size},
      {"ov_model_const_input_by_index", &functions->model_input},
      {"ov_model_const_output_by_index", &functions->model_output},
      {"ov_model_reshape_single_input", &functions->model_reshape_single_input},
      {"ov_port_get_partial_shape", &functions->port_get_partial_shape},
      {"ov_port_get_element_type", &functions->port_get_element_type},
      {"ov_output_const_port_free", &functions->port_free},
      {"ov_partial_shape_free", &functions->partial_shape_free},
      {"ov_core_compile_model_props", &functions->core_compile_model},
      {"ov_compiled_model_free", &functions->compiled_free},
      {"ov_compiled_model_create_infer_request", &functions->compiled_create_request},
      {"ov_infer_request_free", &functions->request_free},
      {"ov_infer_request_get_input_tensor_by_index", &functions->request_input_tensor},
      {"ov_infer_request_get_output_tensor_by_index", &functions->request_output_tensor},
      {"ov_infer_request_infer", &functions->request_infer},
      {"ov_infer_request_start_async", &functions->request_start_async},
      {"ov_infer_request_wait", &functions->request_wait},
      {"ov_infer_request_cancel", &functions->request_cancel},
      {"ov_tensor_data", &functions->tensor_data},
      {"ov_tensor_get_size", &functions->tensor_get_size},
      {"ov_tensor_free", &functions->tensor_free},
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
  vp_ov_version found = {NULL, NULL};
  if (functions->get_version(&found) == 0 && found.build_number != NULL) {
    snprintf(version, (size_t)version_size, "%s", found.build_number);
    functions->version_free(&found);
  }
  if (strncmp(version, supported, strlen(supported)) != 0) {
    snprintf(message, (size_t)message_size, "its version is %.80s, and %sx is needed", version[0] ? version : "unknown",
             supported);
    memset(functions, 0, sizeof *functions);
    return -1;
  }
  return 0;
}
