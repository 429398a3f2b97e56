import ArgumentParser
import Engine
import Quantization
import Wording

/// A run done again from its receipt.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Run a receipt again, and say what moved and whether it is within its interval.",
    discussion: """
      A receipt is the receipt.json of a run that was kept. The model and the texts must be those of the receipt, by their \
      SHA-256. Ends with exit code 3 where a figure of quality or bytes is outside its interval, or something else is \
      chosen; times are told and decide nothing, since they depend on the hour.
      """)

  @Argument(help: "A receipt.json, or a run of the workspace by id or path.")
  var receipt: String
  @Option(help: "Where the model is now; where the receipt says without it.")
  var model: String?
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  private struct Document: Encodable {
    var holds: Bool
    var words: String
    var verification: Verification
  }

  func run() throws {
    let session = try CommandSession(runtime)
    let workspace = session.laboratory.workspace
    let path =
      receipt.hasSuffix(".json") ? receipt : workspace.folder(of: receipt) + "/receipt.json"
    let then = try ReceiptFile.read(path)
    try ReceiptContents(locator: session.laboratory.locator, log: { session.note($0) })
      .check(then, model: model)
    for request in then.jobs {
      if let load = request.as(LoadJob.self) {
        _ = try session.perform(LoadJob(path: model ?? load.path, against: load.against))
      } else {
        try session.perform(request)
      }
    }
    let now = try session.laboratory.receipt()
    let verification = Verification(then, again: now)
    if output.json {
      try Output.json(
        Document(
          holds: verification.holds, words: verification.words, verification: verification))
    } else {
      Self.show(verification, then, now)
    }
    guard verification.holds else {
      throw CommandFailure(message: "the receipt does not hold", code: 3)
    }
  }

  private static func show(_ verification: Verification, _ then: Receipt, _ now: Receipt) {
    print("\(then.words) on \(then.model.name), of \(then.date)")
    for line in verification.differences { print("  \(line)") }
    Output.table(
      ["", "then", "now", "moved", "interval", "within"],
      verification.rows.map { row in
        [
          row.figure.name, ReceiptPage.number(row.figure.value, row.figure),
          row.now.map { ReceiptPage.number($0, row.figure) } ?? "not measured",
          row.moved.map { Quantity.signedPercent($0, 2) } ?? "-",
          ReceiptPage.interval(row.figure),
          row.isWithin.map { $0 ? "yes" : "no" } ?? "-",
        ]
      })
    print(verification.words)
  }
}
