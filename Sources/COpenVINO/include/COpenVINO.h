// OpenVINO's C functions as pointers found at run time, so that nothing is linked, a missing library is an error
// message, and an air-gapped site can put the libraries anywhere.
// What must stay true: the signatures and structs are those of openvino/c/*.h of OpenVINO 2026; a library of another
// year is refused at load. To use another function, add it here and to the table in openvino.c.

#ifndef VPATH_COPENVINO_H
#define VPATH_COPENVINO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct vp_ov_core vp_ov_core;
typedef struct vp_ov_model vp_ov_model;
typedef struct vp_ov_port vp_ov_port;
typedef struct vp_ov_compiled vp_ov_compiled;
typedef struct vp_ov_request vp_ov_request;
typedef struct vp_ov_tensor vp_ov_tensor;

// A dimension; its length is known when min and max are the same.
typedef struct {
  int64_t min;
  int64_t max;
} vp_ov_dimension;

typedef struct {
  vp_ov_dimension rank;
  vp_ov_dimension *dims;
} vp_ov_partial_shape;

typedef struct {
  int64_t rank;
  int64_t *dims;
} vp_ov_shape;

typedef struct {
  const char *build_number;
  const char *description;
} vp_ov_version;

typedef struct {
  const char *key;
  const void *value;
} vp_ov_property;

// OpenVINO's element type of 32-bit floats.
enum { VP_OV_F32 = 4 };

// The functions of one loaded library. Each gives 0 when it succeeded.
typedef struct {
  int (*get_version)(vp_ov_version *version);
  void (*version_free)(vp_ov_version *version);
  const char *(*get_error_info)(int status);
  const char *(*get_last_err_msg)(void);
  int (*core_create)(vp_ov_core **core);
  void (*core_free)(vp_ov_core *core);
  int (*core_read_model)(const vp_ov_core *core, const char *path, const char *weights, vp_ov_model **model);
  void (*model_free)(vp_ov_model *model);
  int (*model_inputs_size)(const vp_ov_model *model, size_t *count);
  int (*model_outputs_size)(const vp_ov_model *model, size_t *count);
  int (*model_input)(const vp_ov_model *model, size_t index, vp_ov_port **port);
  int (*model_output)(const vp_ov_model *model, size_t index, vp_ov_port **port);
  int (*model_reshape_single_input)(const vp_ov_model *model, vp_ov_partial_shape shape);
  int (*port_get_partial_shape)(const vp_ov_port *port, vp_ov_partial_shape *shape);
  int (*port_get_element_type)(const vp_ov_port *port, int *type);
  void (*port_free)(vp_ov_port *port);
  void (*partial_shape_free)(vp_ov_partial_shape *shape);
  int (*core_compile_model)(const vp_ov_core *core, const vp_ov_model *model, const char *device, size_t count,
                            const vp_ov_property *properties, vp_ov_compiled **compiled);
  void (*compiled_free)(vp_ov_compiled *compiled);
  int (*compiled_create_request)(const vp_ov_compiled *compiled, vp_ov_request **request);
  void (*request_free)(vp_ov_request *request);
  int (*request_input_tensor)(const vp_ov_request *request, size_t index, vp_ov_tensor **tensor);
  int (*request_output_tensor)(const vp_ov_request *request, size_t index, vp_ov_tensor **tensor);
  int (*request_infer)(vp_ov_request *request);
  int (*request_start_async)(vp_ov_request *request);
  int (*request_wait)(vp_ov_request *request);
  int (*request_cancel)(vp_ov_request *request);
  int (*tensor_data)(const vp_ov_tensor *tensor, void **data);
  int (*tensor_get_size)(const vp_ov_tensor *tensor, size_t *count);
  void (*tensor_free)(vp_ov_tensor *tensor);
} vp_openvino_functions;

// Loads a library by its absolute path, finds every function and asks for its version. Gives 0, or -1 with a message
// (always terminated) in `message`. The version is written to `version` (always terminated). The library stays loaded.
int vp_openvino_load(const char *library, vp_openvino_functions *functions, char *version, int version_size,
                     char *message, int message_size);

#endif
