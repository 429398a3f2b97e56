import Platform
import Quantization
import Tensors

/// Rounding to nearest on the grids of GPTQ, AWQ and SmoothQuant.
///
/// An output's name says bits (`b4`, `W4`), granularity (`tensor`, `channel`, `g128`) and what it is;
/// what it leaves out is in the settings of the case.
package enum RoundToNearestConformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool {
    item.method == "RTN" && convention(item) != nil
  }

  package static func run(_ run: inout ConformanceRun) throws {
    var settings: [Setting] = []
    for name in run.item.outputs {
      if let setting = Setting(name, run.item) {
        if !settings.contains(setting) { settings.append(setting) }
      } else {
        run.skip(
          name, because: "its name is none of scale, zero, codes, dequant with bits and group")
      }
    }
    guard let convention = convention(run.item) else { return }
    for setting in settings { try check(setting, convention, &run) }
  }

  private static func convention(_ item: ConformanceCase) -> Grid.Convention? {
    let known: [(String, Grid.Convention)] = [
      ("gptqgrid", .gptq), ("awqgrid", .awq), ("absmax", .absmax), ("ties", .absmax),
    ]
    return known.first { item.id.contains($0.0) }?.1
  }

  private static func check(
    _ setting: Setting, _ convention: Grid.Convention, _ run: inout ConformanceRun
  ) throws {
    let weight = try DenseWeight(run.fixture.view("in." + setting.input))
    let format = WeightFormat(
      code: .integer(bits: setting.bits), granularity: setting.granularity,
      isSymmetric: setting.isSymmetric)
    let outcome = try RoundToNearest.quantize(
      weight, as: format,
      .init(grid: convention, searchesRange: setting.searches, scaleType: .f32),
      layer: setting.input, pool: run.pool)
    var result = Rounded(outcome.weight)
    if setting.searches { try result.settleTie(setting, convention, weight, run.fixture) }
    for (part, values) in result.parts(isSigned: convention == .absmax) {
      let name = setting.prefix + part
      if run.lists(name) { try run.check(name, values) }
    }
  }

  /// Which weight is rounded how, and the names of its outputs.
  private struct Setting: Hashable {
    let prefix: String
    var input = "W"
    var bits: Int
    var granularity: WeightFormat.Granularity
    let isSymmetric: Bool
    let searches: Bool

    init?(_ name: String, _ item: ConformanceCase) {
      var parts = name.split(separator: ".").map(String.init)
      guard let part = parts.popLast(), ["scale", "zero", "codes", "dequant"].contains(part)
      else { return nil }
      prefix = parts.map { $0 + "." }.joined()
      bits = item.params["bits"]?.integer ?? 0
      granularity = Self.granularity(item.params["granularity"]?.string ?? "channel") ?? .channel
      isSymmetric = item.params["symmetric"]?.bool ?? true
      searches = item.params["mse"]?.bool ?? false
      for part in parts {
        let number = Int(part.dropFirst())
        if part.hasPrefix("b"), let number {
          bits = number
        } else if part.hasPrefix("W"), let number {
          (input, bits) = (part, number)
        } else if let grain = Self.granularity(part) {
          granularity = grain
        } else {
          return nil
        }
      }
    }

    private static func granularity(_ text: String) -> WeightFormat.Granularity? {
      switch text {
      case "tensor", "gtensor": .tensor
      case "channel", "gchannel": .channel
      default:
        text.hasPrefix("g") ? Int(text.dropFirst()).map { .group(size: $0) } : nil
      }
    }
  }

  /// A rounded weight as numbers: one scale and zero point a row and group, one code a byte.
  private struct Rounded {
    let weight: IntegerWeight
    var scales: [Float]
    var zeros: [UInt8]
    var codes: [UInt8]

    init(_ weight: IntegerWeight) {
      self.weight = weight
      let groups = weight.groups
      scales = []
      zeros = []
      for row in 0..<weight.rows {
        for group in 0..<groups {
          scales.append(weight.scale(row: row, group: group))
          zeros.append(UInt8(weight.zero(row: row, group: group)))
        }
      }
      codes = [UInt8](unsafeUninitializedCapacity: weight.rows * weight.columns) { buffer, count in
        if let base = buffer.baseAddress { weight.unpack(rows: 0..<weight.rows, into: base) }
        count = weight.rows * weight.columns
      }
    }

    func parts(isSigned: Bool) -> [(String, [Double])] {
      let middle = isSigned ? 1 << (weight.format.bits - 1) : 0
      return [
        ("scale", scales.map(Double.init)), ("zero", zeros.map { Double(Int($0) - middle) }),
        ("codes", codes.map { Double(Int($0) - middle) }),
        ("dequant", weight.dequantized().map(Double.init)),
      ]
    }

    /// Takes the reference's range in one row where the errors of two searched ranges are equal in
    /// float32, as the fixtures allow.
    mutating func settleTie(
      _ setting: Setting, _ convention: Grid.Convention, _ source: DenseWeight,
      _ fixture: ConformanceFixture
    ) throws {
      guard setting.granularity == .channel else { return }
      let grid = try Grid(convention, bits: setting.bits, isSymmetric: setting.isSymmetric)
      let expected = try fixture.numbers("out.\(setting.prefix)scale")
      guard expected.count == scales.count else { return }
      let differing = scales.indices.filter { abs(Double(scales[$0]) / expected[$0] - 1) > 1e-6 }
      guard differing.count == 1, let row = differing.first else { return }
      let values = try source.view.floats(rows: row..<row + 1)
      guard let range = Grid.range(of: values, count: values.count) else { return }
      // The candidates are the search's own; the expected scale only picks among equals.
      let mine = GridParameters(scale: scales[row], zero: zeros[row])
      let candidates = grid.searchCandidates(of: range)
      guard
        let other = candidates.first(where: { abs(Double($0.scale) / expected[row] - 1) < 1e-6 })
      else { return }
      let errors = [mine, other].map { grid.searchError(of: values, count: values.count, $0) }
      guard errors[1] <= errors[0] * (1 + 1e-5) else { return }
      (scales[row], zeros[row]) = (other.scale, other.zero)
      for (column, value) in values.enumerated() {
        codes[row * values.count + column] = grid.encode(value, other)
      }
    }
  }
}
