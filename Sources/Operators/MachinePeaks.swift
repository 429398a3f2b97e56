/// What one machine can do at most, measured or described.
///
/// Bandwidth in bytes per second, rates in operations per second (a multiply-add is two).
package struct MachinePeaks: Hashable, Sendable, Codable {
  package var name: String
  /// Bytes of memory that weights, cache and activations may take.
  package var memoryBytes: Double
  package var readBandwidth: Double
  package var fp32Rate: Double
  package var bf16Rate: Double
  package var int8Rate: Double
  /// Threads the figures were measured with; 0 for a described machine.
  package var threads: Int
  /// Whether the figures were measured here, or come from a data sheet.
  package var isMeasured: Bool

  package init(
    name: String, memoryBytes: Double, readBandwidth: Double, fp32Rate: Double, bf16Rate: Double,
    int8Rate: Double, threads: Int, isMeasured: Bool
  ) {
    self.name = name
    self.memoryBytes = memoryBytes
    self.readBandwidth = readBandwidth
    self.fp32Rate = fp32Rate
    self.bf16Rate = bf16Rate
    self.int8Rate = int8Rate
    self.threads = threads
    self.isMeasured = isMeasured
  }
}
