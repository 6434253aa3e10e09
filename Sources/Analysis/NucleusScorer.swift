// How much a candidate region looks like one whole nucleus: a small network over its features, with one hidden layer.
// What must stay true: sums in a fixed order, so that a score is the same in every tile; weights come from
// `bench/cell_counter/fit.py` and are never edited by hand.

/// Log odds that a region is one whole nucleus.
package struct NucleusScorer: Sendable {
  /// Hidden units, a multiple of 16.
  static let hidden = NucleusScorerWeights.outputWeights.count
  private let mean = NucleusScorerWeights.mean
  private let inverseDeviation = NucleusScorerWeights.inverseDeviation
  private let lanes: [SIMD16<Float>]
  private let biases: [SIMD16<Float>]
  private let outputs: [SIMD16<Float>]

  /// The scorer with the weights of this build.
  package init() {
    func lanes(_ values: [Float]) -> [SIMD16<Float>] {
      stride(from: 0, to: values.count, by: 16).map { SIMD16(values[$0..<($0 + 16)]) }
    }
    self.lanes = lanes(NucleusScorerWeights.hiddenWeights)
    self.biases = lanes(NucleusScorerWeights.hiddenBiases)
    self.outputs = lanes(NucleusScorerWeights.outputWeights)
  }

  /// The score of features in the order of `NucleusFeatures.names`.
  package func score(_ features: UnsafeMutableBufferPointer<Float>) -> Float {
    var total = SIMD16<Float>.zero
    lanes.withUnsafeBufferPointer { lanes in
      for block in 0..<biases.count {
        var sum = biases[block]
        for feature in 0..<NucleusFeatures.count {
          let centred = (features[feature] - mean[feature]) * inverseDeviation[feature]
          sum += max(-4, min(4, centred)) * lanes[feature * biases.count + block]
        }
        sum.replace(with: 0, where: sum .< 0)
        total += sum * outputs[block]
      }
    }
    var result = NucleusScorerWeights.outputBias
    for lane in 0..<16 { result += total[lane] }
    return result
  }
}
