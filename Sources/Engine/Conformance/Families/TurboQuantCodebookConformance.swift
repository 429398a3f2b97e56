import Tensors

/// The codebooks of TurboQuant: levels and distortion of each dimension and number of bits.
///
/// An output's name says all: `d128.b4.centroids`, `d128.b4.distortion`.
package enum TurboQuantCodebookConformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool {
    item.method == "TurboQuant" && item.outputs.contains { $0.hasSuffix(".centroids") }
  }

  package static func run(_ run: inout ConformanceRun) throws {
    for output in run.item.outputs {
      let parts = output.split(separator: ".")
      guard parts.count == 3, parts[0].first == "d", let dimension = Int(parts[0].dropFirst()),
        parts[1].first == "b", let bits = Int(parts[1].dropFirst())
      else {
        run.skip(output, because: "its name says no dimension and bits")
        continue
      }
      let codebook = try LloydMaxCodebook(dimension: dimension, bits: bits)
      switch parts[2] {
      case "centroids": try run.check(output, codebook.centroids)
      case "distortion": try run.check(output, [codebook.distortion])
      default: run.skip(output, because: "its name says neither centroids nor distortion")
      }
    }
  }
}
