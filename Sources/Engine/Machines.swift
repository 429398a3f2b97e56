package import Operators

/// Machines a plan can be made for without having them, by their data sheets.
///
/// Dense rates without sparsity; memory in bytes, bandwidth in bytes a second.
package enum Machines {
  package static let described: [MachinePeaks] = [
    machine("H100 SXM", memory: 80e9, bandwidth: 3.35e12, fp32: 67e12, bf16: 989e12, int8: 1979e12),
    machine("H200", memory: 141e9, bandwidth: 4.8e12, fp32: 67e12, bf16: 989e12, int8: 1979e12),
    machine(
      "A100 80GB", memory: 80e9, bandwidth: 2.04e12, fp32: 19.5e12, bf16: 312e12, int8: 624e12),
    machine("L4", memory: 24e9, bandwidth: 300e9, fp32: 30.3e12, bf16: 121e12, int8: 242e12),
    machine(
      "RTX 4090", memory: 24e9, bandwidth: 1.01e12, fp32: 82.6e12, bf16: 165e12, int8: 661e12),
  ]

  /// The described machine of a name.
  ///
  /// - Throws: `EngineError.unknownMachine` with the names there are.
  package static func named(_ name: String) throws -> MachinePeaks {
    guard let found = described.first(where: { $0.name.lowercased() == name.lowercased() }) else {
      throw EngineError.unknownMachine(name: name, known: described.map(\.name))
    }
    return found
  }

  private static func machine(
    _ name: String, memory: Double, bandwidth: Double, fp32: Double, bf16: Double, int8: Double
  ) -> MachinePeaks {
    MachinePeaks(
      name: name, memoryBytes: memory, readBandwidth: bandwidth, fp32Rate: fp32, bf16Rate: bf16,
      int8Rate: int8, threads: 0, isMeasured: false)
  }
}
