import Platform

/// The places in a plan of the tasks that one submission is for, a line each: elements of an array count its lines.
package enum SweepList {
  /// Bytes such a file may have.
  private static let bytes = 8 << 20

  /// - Throws: `SweepError.damaged`.
  package static func read(_ path: String) throws(SweepError) -> [Int] {
    let text: String
    do throws(PlatformError) { text = try TextFile.read(path, atMost: bytes) } catch {
      throw .damaged(path: path, reason: error.cause)
    }
    var indices: [Int] = []
    for (number, line) in text.split(separator: "\n").enumerated() {
      guard let index = Int(line), index >= 0 else {
        throw .damaged(
          path: path, reason: "line \(number + 1): expected an index from 0, found '\(line)'")
      }
      indices.append(index)
    }
    return indices
  }

  static func text(_ indices: [Int]) -> String { indices.map { "\($0)\n" }.joined() }
}
