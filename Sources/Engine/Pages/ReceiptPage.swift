import Operators
import Wording

/// A receipt to read.
package struct ReceiptPage {
  let receipt: Receipt

  package init(_ receipt: Receipt) { self.receipt = receipt }

  package var page: Page {
    let host = receipt.host
    var rows = [
      ["date", receipt.date], ["program", "Nibble \(receipt.version)"],
      ["model", Self.words(receipt.model)],
    ]
    if let against = receipt.against { rows.append(["held against", Self.words(against)]) }
    rows += receipt.texts.map { ["\($0.use) text", "\($0.name), SHA-256 `\($0.sha256)`"] }
    rows += [
      ["machine", "\(host.name), \(host.threads) threads, kernels for \(host.provider.rawValue)"],
      ["kernels", receipt.kernels.joined(separator: ", ")],
    ]
    return Page(
      title: "Receipt: \(receipt.words) on \(receipt.model.name)",
      parts: [
        .table(head: ["", ""], rows: rows), .list(receipt.protocols), .heading("Figures"),
        .table(
          head: ["", "value", "interval", "of"],
          rows: receipt.figures.map { figure in
            [
              figure.name, Self.number(figure.value, figure), Self.interval(figure),
              Self.basis(figure),
            ]
          }), .heading("To do it again"), .code(receipt.command),
      ] + (receipt.chosen.map { [.sentence("Chosen: `\($0)`.")] } ?? []))
  }

  private static func words(_ model: Receipt.Model) -> String {
    "\(model.name), \(model.path.map { "`\($0)`" } ?? "built in"), \(Quantity.bytes(model.bytes)), "
      + "SHA-256 `\(model.sha256)`"
  }

  /// A value with its unit.
  package static func number(_ value: Double, _ figure: Receipt.Figure) -> String {
    let text =
      figure.basis == .exact
      ? Quantity.grouped(Int(value)) : Quantity.significant(value, 6)
    return figure.unit.isEmpty ? text : "\(text) \(figure.unit)"
  }

  package static func interval(_ figure: Receipt.Figure) -> String {
    guard let low = figure.low, let high = figure.high, figure.basis != .exact else {
      return figure.basis == .exact ? "exact" : "none: one window"
    }
    return "\(Quantity.significant(low, 6)) to \(Quantity.significant(high, 6))"
  }

  private static func basis(_ figure: Receipt.Figure) -> String {
    switch figure.basis {
    case .exact: "arithmetic"
    case .windows: "two standard errors over windows"
    case .rounds: "quartiles of rounds"
    case .computed: "one hundredth"
    }
  }
}
