package import Tensors

extension LinearWeight {
  /// Why the numbers of this weight do not fit the kernel of its format, nil where they do.
  ///
  /// Kernels of fewer than 8 bits hold scales in FP16: one beyond its largest number would become infinite, one below its
  /// smallest would lose its digits. Such a weight is expanded to a wider type.
  package var kernelObstacle: String? {
    guard let integer = self as? IntegerWeight, integer.format.bits < 8,
      let place = integer.scales.firstIndex(where: { !Self.isHeldByHalf($0) })
    else { return nil }
    return "a scale of \(integer.scales[place]) is beyond what FP16 holds"
  }

  /// Whether FP16 keeps a number to the ten binary digits that it keeps of others.
  private static func isHeldByHalf(_ value: Float) -> Bool {
    let half = FloatFormats.float(f16: FloatFormats.f16(value))
    return (half - value).magnitude <= value.magnitude * 0x1p-10
  }
}
