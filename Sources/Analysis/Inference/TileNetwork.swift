// A network that reads one tile and gives one number a label, compiled for the processor.
// What must stay true: shapes are checked before anything is compiled, every axis is known and the first is 1; numbers
// are 32-bit floats throughout, so that the same tile gives the same bits for any number of threads; each request
// belongs to one caller at a time.

import COpenVINO

/// A compiled network.
final class TileNetwork: @unchecked Sendable {
  /// Requests that can be under way: those that run beside each other, and one that waits.
  let requests: [Request]
  private let library: OpenVINOLibrary
  private let core: OpaquePointer
  private let compiled: OpaquePointer

  /// Reads, checks and compiles a model.
  ///
  /// - Throws: `badModel` for anything that does not fit 1×3×side×side in and 1×outputs out.
  init(path: String, side: Int, outputs: Int, threads: Int, library: OpenVINOLibrary) throws(AnalysisError) {
    let name = String(path.split(separator: "/").last ?? "")
    try ONNXFile.check(path)
    let functions = library.functions
    var core: OpaquePointer?
    try Self.ask(library, name, "starting OpenVINO failed") { functions.core_create(&core) }
    guard let core else { throw .noRuntime(reason: "OpenVINO gave no core") }
    var compiled: OpaquePointer?
    do throws(AnalysisError) {
      compiled = try Self.compile(core, path, name, side, outputs, threads, library)
      guard let compiled else { throw .badModel(file: name, reason: "it could not be compiled") }
      var requests: [Request] = []
      // One more than run beside each other, so that the next waits ready when one ends.
      for _ in 0...max(1, threads) {
        requests.append(
          try Request(compiled, inputs: 3 * side * side, outputs: outputs, file: name, library: library))
      }
      self.requests = requests
      self.compiled = compiled
    } catch {
      if let compiled { functions.compiled_free(compiled) }
      functions.core_free(core)
      throw error
    }
    self.core = core
    self.library = library
  }

  deinit {
    for request in requests { request.free() }
    library.functions.compiled_free(compiled)
    library.functions.core_free(core)
  }

  fileprivate static func ask(
    _ library: OpenVINOLibrary, _ file: String, _ what: String, _ body: () -> Int32
  ) throws(AnalysisError) {
    let status = body()
    guard status == 0 else { throw .badModel(file: file, reason: "\(what) (\(library.lastError(status)))") }
  }

  // MARK: - Reading

  private static func compile(
    _ core: OpaquePointer, _ path: String, _ name: String, _ side: Int, _ outputs: Int, _ threads: Int,
    _ library: OpenVINOLibrary
  ) throws(AnalysisError) -> OpaquePointer? {
    let functions = library.functions
    var model: OpaquePointer?
    try ask(library, name, "it cannot be read") { functions.core_read_model(core, path, nil, &model) }
    guard let model else { throw .badModel(file: name, reason: "it cannot be read") }
    defer { functions.model_free(model) }
    try check(model, name, side, outputs, library)
    let values = ["f32", "\(threads)", "\(threads)", "NO"]
    let keys = ["INFERENCE_PRECISION_HINT", "INFERENCE_NUM_THREADS", "NUM_STREAMS", "ENABLE_CPU_PINNING"]
    var compiled: OpaquePointer?
    try ask(library, name, "it cannot be compiled") {
      withCStrings(keys + values) { texts in
        let properties = keys.indices.map { vp_ov_property(key: texts[$0], value: texts[keys.count + $0]) }
        return functions.core_compile_model(core, model, "CPU", properties.count, properties, &compiled)
      }
    }
    return compiled
  }

  private static func check(
    _ model: OpaquePointer, _ name: String, _ side: Int, _ outputs: Int, _ library: OpenVINOLibrary
  ) throws(AnalysisError) {
    let functions = library.functions
    var counts = (0, 0)
    try ask(library, name, "its inputs cannot be read") { functions.model_inputs_size(model, &counts.0) }
    try ask(library, name, "its outputs cannot be read") { functions.model_outputs_size(model, &counts.1) }
    guard counts.0 == 1, counts.1 == 1 else {
      throw .badModel(file: name, reason: "it has \(counts.0) inputs and \(counts.1) outputs; one of each is needed")
    }
    let wanted = [1, 3, side, side]
    var axes = try port(model, name, library, isInput: true)
    // A batch of any size is read as a batch of one; no other axis may be open.
    if axes.count == 4, axes[0] == nil, axes[1...].allSatisfy({ $0 != nil }) {
      let dims = axes.map { vp_ov_dimension(min: Int64($0 ?? 1), max: Int64($0 ?? 1)) }
      var copy = dims
      try ask(library, name, "its batch cannot be made 1") {
        copy.withUnsafeMutableBufferPointer { buffer in
          functions.model_reshape_single_input(
            model, vp_ov_partial_shape(rank: vp_ov_dimension(min: 4, max: 4), dims: buffer.baseAddress))
        }
      }
      axes = try port(model, name, library, isInput: true)
    }
    guard axes.allSatisfy({ $0 != nil }) else {
      throw .badModel(
        file: name,
        reason: "its input is \(words(axes)), with axes of no fixed length; export it with the input \(words(wanted))")
    }
    guard axes == wanted else {
      throw .badModel(file: name, reason: "its input is \(words(axes)), and its card asks for \(words(wanted))")
    }
    let given = try port(model, name, library, isInput: false)
    guard given == [1, outputs] else {
      throw .badModel(
        file: name, reason: "its output is \(words(given)), and its card has \(outputs) labels: 1×\(outputs) is needed")
    }
  }

  /// The lengths of a port's axes, nil where it is not known; its numbers must be 32-bit floats.
  private static func port(
    _ model: OpaquePointer, _ name: String, _ library: OpenVINOLibrary, isInput: Bool
  ) throws(AnalysisError) -> [Int?] {
    let functions = library.functions
    let what = isInput ? "input" : "output"
    var port: OpaquePointer?
    try ask(library, name, "its \(what) cannot be read") {
      isInput ? functions.model_input(model, 0, &port) : functions.model_output(model, 0, &port)
    }
    guard let port else { throw .badModel(file: name, reason: "its \(what) cannot be read") }
    defer { functions.port_free(port) }
    var type: Int32 = 0
    try ask(library, name, "its \(what) cannot be read") { functions.port_get_element_type(port, &type) }
    guard Int(type) == Int(VP_OV_F32) else {
      throw .badModel(file: name, reason: "its \(what) holds no 32-bit floats (OpenVINO's type \(type)); export it so")
    }
    var shape = vp_ov_partial_shape()
    try ask(library, name, "its \(what) cannot be read") { functions.port_get_partial_shape(port, &shape) }
    defer { functions.partial_shape_free(&shape) }
    guard shape.rank.min == shape.rank.max, shape.rank.max <= 8, let dims = shape.dims else { return [nil] }
    return (0..<Int(shape.rank.max)).map { index in
      dims[index].min == dims[index].max ? Int(dims[index].max) : nil
    }
  }

  private static func words(_ axes: [Int?]) -> String {
    axes.map { $0.map { "\($0)" } ?? "?" }.joined(separator: "×")
  }
}

extension TileNetwork {
  /// One inference: numbers in, numbers out.
  final class Request: @unchecked Sendable {
    private let library: OpenVINOLibrary
    private let handle: OpaquePointer
    private let inputTensor: OpaquePointer
    private let outputTensor: OpaquePointer
    private let file: String
    /// The tile's numbers, channel by channel; written before `start`.
    let input: UnsafeMutableBufferPointer<Float>
    private let output: UnsafeMutableBufferPointer<Float>

    fileprivate init(
      _ compiled: OpaquePointer, inputs: Int, outputs: Int, file: String, library: OpenVINOLibrary
    ) throws(AnalysisError) {
      let functions = library.functions
      var request: OpaquePointer?
      try TileNetwork.ask(library, file, "it cannot be run") { functions.compiled_create_request(compiled, &request) }
      guard let request else { throw .badModel(file: file, reason: "it cannot be run") }
      func tensor(_ isInput: Bool, _ count: Int) throws(AnalysisError)
        -> (OpaquePointer, UnsafeMutableBufferPointer<Float>)
      {
        var tensor: OpaquePointer?
        var data: UnsafeMutableRawPointer?
        var size = 0
        try TileNetwork.ask(library, file, "it cannot be run") {
          isInput
            ? functions.request_input_tensor(request, 0, &tensor) : functions.request_output_tensor(request, 0, &tensor)
        }
        guard let tensor, functions.tensor_data(tensor, &data) == 0, functions.tensor_get_size(tensor, &size) == 0,
          size == count, let data
        else { throw .badModel(file: file, reason: "it cannot be run: OpenVINO gave no tensor of \(count) numbers") }
        return (tensor, UnsafeMutableBufferPointer(start: data.assumingMemoryBound(to: Float.self), count: count))
      }
      do throws(AnalysisError) {
        (inputTensor, input) = try tensor(true, inputs)
        (outputTensor, output) = try tensor(false, outputs)
      } catch {
        functions.request_free(request)
        throw error
      }
      handle = request
      self.file = file
      self.library = library
    }

    fileprivate func free() {
      library.functions.tensor_free(inputTensor)
      library.functions.tensor_free(outputTensor)
      library.functions.request_free(handle)
    }

    /// Begins the inference of what is in `input`.
    func start() throws(AnalysisError) {
      try TileNetwork.ask(library, file, "an inference cannot be started") {
        library.functions.request_start_async(handle)
      }
    }

    /// Waits for the inference begun, and gives its numbers.
    func finish() throws(AnalysisError) -> [Float] {
      try TileNetwork.ask(library, file, "an inference failed") { library.functions.request_wait(handle) }
      return Array(output)
    }

    /// Waits for an inference whose numbers are of no use any more.
    func abandon() {
      _ = library.functions.request_cancel(handle)
      _ = library.functions.request_wait(handle)
    }
  }
}

/// Runs a body with C strings that live as long.
private func withCStrings<Value>(_ texts: [String], _ body: ([UnsafePointer<CChar>]) -> Value) -> Value {
  let bytes = texts.flatMap { Array($0.utf8CString) }
  var starts: [Int] = []
  var start = 0
  for text in texts {
    starts.append(start)
    start += text.utf8.count + 1
  }
  return bytes.withUnsafeBufferPointer { buffer in
    guard let base = buffer.baseAddress else { return body([]) }
    return body(starts.map { base + $0 })
  }
}
