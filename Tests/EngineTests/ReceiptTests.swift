import Evaluation
import FoundationEssentials
import Models
import Operators
import Platform
import Quantization
import TestSupport
import Testing

@testable import Engine

/// Receipts: what a kept run holds, and what verifying finds.
@Suite(.serialized) struct ReceiptTests {
  /// A laboratory with a workspace of its own, and the built-in model evaluated under a recipe.
  private func evaluated(
    _ folder: TemporaryFolder, provider: ExecutionProvider? = nil, text: String? = nil
  ) throws -> Laboratory {
    let laboratory = try Laboratory(
      threads: 2, provider: provider, workspace: Workspace(directory: folder.path("runs")))
    _ = try perform(laboratory, LoadJob(path: nil))
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: Recipe(weights: try RecipeText.choice("rtn:4:64", target: .weights)),
        calibration: CalibrationOptions(samples: 2, length: 64), keeping: .nothing))
    _ = try perform(
      laboratory, EvaluateJob(options: EvaluationOptions(text: text, window: 64, windows: 4)))
    return laboratory
  }

  @Test func aKeptRunHasReceiptAndPage() throws {
    let folder = try TemporaryFolder()
    let laboratory = try evaluated(folder)
    let run = try perform(laboratory, SaveJob(command: "nibble evaluate --weights rtn:4:64 --keep"))
    let place = laboratory.workspace.folder(of: run.id)
    let receipt = try ReceiptFile.read(place + "/receipt.json")
    #expect(receipt.command == "nibble evaluate --weights rtn:4:64 --keep")
    #expect(
      receipt.model.path == nil && receipt.model.sha256.count == 64
        && receipt.model.bytes > 1_000_000)
    #expect(receipt.texts.map(\.use) == ["evaluation"], "rounding reads no calibration text")
    #expect(receipt.jobs.map(\.name) == ["load", "quantize", "evaluate"])
    #expect(receipt.figures.contains { $0.name == "KL divergence" && $0.low != nil })
    #expect(!receipt.kernels.isEmpty && receipt.host.threads == 2)
    let pages = try ["report.md", "report.html", "receipt.md"].map {
      String(
        decoding: try #require(FileManager.default.contents(atPath: place + "/" + $0)),
        as: UTF8.self)
    }
    #expect(pages[0].contains("## The four checks") && pages[0].contains("Where it hurts"))
    #expect(pages[1].contains("<svg") && pages[1].hasSuffix("</html>\n"))
    #expect(pages[2].contains(receipt.model.sha256))
    #expect(laboratory.workspace.runs().runs.map(\.id) == [run.id])
    #expect(run.date == receipt.date)
  }

  @Test func theSameRunHolds() throws {
    let folder = try TemporaryFolder()
    let then = try evaluated(folder).receipt()
    let now = try evaluated(folder).receipt()
    let verification = Verification(then, again: now)
    #expect(verification.holds && verification.differences.isEmpty)
    #expect(verification.rows.allSatisfy { $0.moved == 0 }, "bit for bit on the same machine")
    // Another provider sums in another order: it moves, and stays within the intervals.
    let plain = Verification(then, again: try evaluated(folder, provider: .generic).receipt())
    #expect(plain.holds)
    if then.host.provider != .generic {
      #expect(plain.differences.contains { $0.hasPrefix("provider") })
    }
  }

  @Test func whatMovedTooFarDoesNotHold() throws {
    let folder = try TemporaryFolder()
    let now = try evaluated(folder).receipt()
    var then = now
    let place = try #require(then.figures.firstIndex { $0.name == "KL divergence" })
    then.figures[place].value *= 3
    then.figures[place].low = then.figures[place].value * 0.9
    then.figures[place].high = then.figures[place].value * 1.1
    let verification = Verification(then, again: now)
    #expect(!verification.holds)
    #expect(verification.rows[place].isWithin == false)
    #expect(verification.words.hasPrefix("It does not hold"))
    var timed = now
    timed.figures.append(
      Receipt.Figure(name: "decode", value: 100, unit: "tok/s", low: 99, high: 101, basis: .rounds))
    var slow = timed
    slow.figures[slow.figures.count - 1].value = 50
    #expect(Verification(timed, again: slow).holds, "times are told and decide nothing")
  }

  @Test func anotherModelOrTextIsRefused() throws {
    let folder = try TemporaryFolder()
    let text = folder.path("text.txt")
    try WholeFile.write(
      String(repeating: "Mira walked to the mill and back. ", count: 200), to: text)
    let laboratory = try evaluated(folder, text: text)
    let receipt = try laboratory.receipt()
    let contents = ReceiptContents(locator: laboratory.locator)
    try contents.check(receipt)
    try WholeFile.write(
      String(repeating: "Mira walked to the mill, and back. ", count: 200), to: text)
    #expect(throws: EngineError.self) { try contents.check(receipt) }
    var other = try evaluated(folder).receipt()
    other.model.sha256 = String(repeating: "0", count: 64)
    do {
      try contents.check(other)
      Issue.record("taken")
    } catch {
      #expect("\(error)".contains("the weights of the built-in model are others"))
    }
  }

  @Test(arguments: [
    ("", "no JSON document"), ("{}", "'format'"), ("{\"format\": 2}", "expected format 1, found 2"),
    ("{\"format\": 1, \"date\": 3}", "date"),
  ])
  func whatIsNoReceiptIsNamed(text: String, words: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("receipt.json")
    try WholeFile.write(text, to: path)
    do {
      _ = try ReceiptFile.read(path)
      Issue.record("read")
    } catch {
      #expect("\(error)".contains(path) && "\(error)".contains(words), "\(error)")
    }
  }

  @Test func runsAreRenamedNotedAndDeleted() throws {
    let folder = try TemporaryFolder()
    let laboratory = try evaluated(folder)
    let workspace = laboratory.workspace
    let run = try perform(laboratory, SaveJob())
    _ = try workspace.change(run.id) { $0.note = "for the review" }
    #expect(try workspace.run(named: run.id).note == "for the review")
    // What a run that was ended while it saved left is no run.
    try FileManager.default.createDirectory(
      atPath: folder.path("runs/.unfinished-0002-x"), withIntermediateDirectories: false)
    #expect(workspace.runs().problems.isEmpty && workspace.runs().runs.count == 1)
    try workspace.delete(run.id)
    #expect(workspace.runs().runs.isEmpty)
    #expect(throws: EngineError.self) { try workspace.delete(run.id) }
  }
}
