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
  /// Dense rate of 8-bit floats; nil where the machine has no such arithmetic, or it is not known.
  package var fp8Rate: Double?
  /// Dense rate of 4-bit integers; nil where the machine has no such arithmetic, or it is not known.
  package var int4Rate: Double?
  /// The data sheet the figures are from; nil for measured ones.
  package var source: String?
  /// Threads the figures were measured with; 0 for a described machine.
  package var threads: Int
  /// Whether the figures were measured here, or come from a data sheet.
  package var isMeasured: Bool

  package init(
    name: String, memoryBytes: Double, readBandwidth: Double, fp32Rate: Double, bf16Rate: Double,
    int8Rate: Double, fp8Rate: Double? = nil, int4Rate: Double? = nil, threads: Int,
    isMeasured: Bool, source: String? = nil
  ) {
    self.name = name
    self.memoryBytes = memoryBytes
    self.readBandwidth = readBandwidth
    self.fp32Rate = fp32Rate
    self.bf16Rate = bf16Rate
    self.int8Rate = int8Rate
    self.fp8Rate = fp8Rate
    self.int4Rate = int4Rate
    self.source = source
    self.threads = threads
    self.isMeasured = isMeasured
  }
}
