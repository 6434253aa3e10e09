// The few matrix operations the analysis needs, on OpenBLAS and LAPACK.
// What must stay true: one thread, set before the first call: two threads round differently, and results here
// are audited.

import COpenBLAS

/// Small dense matrices on OpenBLAS, always on one thread.
enum LinearAlgebra {
  private static let oneThread: Void = openblas_set_num_threads(1)

  /// Second moments about the mean of rows of three values, as a symmetric 3 by 3 matrix (row-major), divided by n - 1.
  /// Nil for fewer than two rows.
  static func covariance(ofRows rows: [Double]) -> [Double]? {
    _ = oneThread
    let count = rows.count / 3
    guard count > 1 else { return nil }
    var mean = [0.0, 0.0, 0.0]
    let ones = [Double](repeating: 1, count: count)
    cblas_dgemv(
      CblasRowMajor, CblasTrans, Int32(count), 3, 1 / Double(count), rows, 3, ones, 1, 0, &mean, 1)
    var centred = rows
    cblas_dger(CblasRowMajor, Int32(count), 3, -1, ones, 1, mean, 1, &centred, 3)
    var result = [Double](repeating: 0, count: 9)
    cblas_dgemm(
      CblasRowMajor, CblasTrans, CblasNoTrans, 3, 3, Int32(count), 1 / Double(count - 1), centred, 3, centred, 3, 0,
      &result, 3)
    return result
  }

  /// Eigenvalues in ascending order and their unit eigenvectors of a symmetric 3 by 3 matrix; nil when LAPACK fails.
  static func eigen(ofSymmetric matrix: [Double]) -> (values: [Double], vectors: [[Double]])? {
    _ = oneThread
    var size: Int32 = 3
    var matrix = matrix
    var values = [0.0, 0.0, 0.0]
    var work = [Double](repeating: 0, count: 64)
    var workCount: Int32 = 64
    var info: Int32 = 0
    var leading: Int32 = 3
    dsyev_("V", "U", &size, &matrix, &leading, &values, &work, &workCount, &info, 1, 1)
    guard info == 0, values.allSatisfy(\.isFinite) else { return nil }
    return (values, (0..<3).map { Array(matrix[(3 * $0)..<(3 * $0 + 3)]) })
  }

  /// The inverse of a 3 by 3 matrix (row-major in, row-major out); nil when it has none.
  static func inverse(_ matrix: [Double]) -> [Double]? {
    _ = oneThread
    var size: Int32 = 3
    var columns: Int32 = 3
    var leading: Int32 = 3
    var leadingRight: Int32 = 3
    var pivots = [Int32](repeating: 0, count: 3)
    var info: Int32 = 0
    // Row-major in is the transpose in LAPACK's eyes, and the inverse of the transpose is the transpose of the inverse.
    var matrix = matrix
    var identity: [Double] = [1, 0, 0, 0, 1, 0, 0, 0, 1]
    dgesv_(&size, &columns, &matrix, &leading, &pivots, &identity, &leadingRight, &info)
    guard info == 0, identity.allSatisfy(\.isFinite) else { return nil }
    return identity
  }

  /// The two coordinates of each row of three values in the plane of two vectors: an n by 2 matrix, row-major.
  static func project(rows: [Double], onto first: [Double], _ second: [Double]) -> [Double] {
    _ = oneThread
    let count = rows.count / 3
    guard count > 0 else { return [] }
    var result = [Double](repeating: 0, count: 2 * count)
    cblas_dgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, Int32(count), 2, 3, 1, rows, 3, first + second, 3, 0, &result, 2)
    return result
  }
}
