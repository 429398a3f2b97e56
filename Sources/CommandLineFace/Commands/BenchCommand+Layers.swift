import Engine
import Models
import Operators
import Platform
import Profiling
import Wording

extension BenchCommand {
  /// Memory of the process by kind, as measured.
  static func showMemory(_ report: BenchReport) {
    guard let memory = report.memory else { return }
    print("\nMemory of this process while all sides are at hand, as measured:")
    Output.table(
      ["kind", "bytes", "share"],
      memory.kinds.map { kind in
        [
          kind.name, Quantity.bytes(kind.bytes),
          Quantity.percent(Double(kind.bytes) / Double(max(1, memory.residentBytes)), 1),
        ]
      } + [["all (resident)", Quantity.bytes(memory.residentBytes), "100 %"]])
    print("\(Quantity.bytes(memory.hugePageBytes)) of it are in huge pages.")
  }

  /// Every operator of every block.
  static func showLayers(_ report: BenchReport) {
    let sides =
      [("quantized", report.quantized)]
      + (report.baseline.map { [(report.baselineWords.short, $0)] } ?? [])
    for (name, side) in sides {
      guard let layers = side.layers else { continue }
      for (phase, rows) in [("prefill", layers.prefill), ("decode", layers.decode)] {
        show(rows, "\(phase), \(name)")
      }
    }
    print(
      """

      bandwidth and rate: shares of what this machine reads and multiplies at most, above 100 % for what lies in its \
      caches. bound: the nearer roof where it reaches \(Quantity.percent(LayerProfile.boundShare)) of it, else overhead. Layers \
      that share their input are timed together, each by its rows.
      """)
  }

  private static func show(_ rows: [LayerProfile.Row], _ title: String) {
    let total = max(rows.reduce(0) { $0 + $1.seconds }, 1e-12)
    func bound(_ bound: LayerProfile.Bound) -> String {
      let seconds = rows.reduce(0) { $1.bound == bound ? $0 + $1.seconds : $0 }
      return "\(bound.rawValue) \(Quantity.percent(seconds / total))"
    }
    print(
      "\nBy layer, \(title): bound by "
        + [LayerProfile.Bound.memory, .compute, .overhead].map(bound).joined(separator: ", "))
    Output.table(
      [
        "block", "operator", "kernel", "calls", "time", "share", "bytes/s", "bandwidth", "ops/s",
        "rate", "bound",
      ],
      rows.map { row in
        let seconds = max(row.seconds, 1e-12)
        return [
          row.block < 0 ? "-" : "\(row.block)", row.name, row.kernel, "\(row.calls)",
          Quantity.seconds(row.seconds), Quantity.percent(row.seconds / total, 1),
          Quantity.rate(row.bytes / seconds, "B/s"), Quantity.percent(row.bandwidthShare),
          Quantity.rate(row.operations / seconds, ""), Quantity.percent(row.rateShare),
          row.bound.rawValue,
        ]
      })
  }
}
