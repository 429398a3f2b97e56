import Checkpoints
import Models
import Operators
import Platform
package import Quantization

/// Writes the quantized model to a new directory.
package struct ExportJob: Job {
  package var path: String
  /// The name of an export format.
  package var format: String
  /// An importance matrix that weighs the rounding to blocks; nil for none.
  package var importance: String?
  /// The text that scales of an FP8 cache are found on; nil writes none.
  package var calibration: CalibrationOptions?

  package init(
    path: String, format: String, importance: String? = nil,
    calibration: CalibrationOptions? = nil
  ) {
    self.path = path
    self.format = format
    self.importance = importance
    self.calibration = calibration
  }

  package static let name = "export"
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Writing the model" }
  package var words: String { "write the model" }
  package func news(of artifact: ExportedArtifact) -> String? { "Written: \(artifact.path)" }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> ExportedArtifact {
    let held = try laboratory.openModel(for: "writing a model")
    guard let quantized = held.quantized else {
      throw EngineError.nothingQuantized(job: "writing a model")
    }
    var writer = try ArtifactWriter(
      held: held, quantized: quantized, format: format,
      importance: try importance.map { try ImportanceMatrix(path: $0) }, pool: laboratory.pool)
    try reporter.checkpoint()
    if let calibration, writer.wantsCacheScales {
      let start = Machine.seconds()
      writer.cacheScales = try CacheProbe(
        quantized.model, windows: laboratory.calibrationWindows(held, calibration),
        context: laboratory.makeContext()
      ).scales(pause: reporter.checkpoint) { done in
        reporter.progress(
          "reach of keys and values", done: done, of: quantized.model.blocks.count,
          unit: "blocks", since: start)
      }
    }
    reporter.progress(
      "writing \(path)", done: 0, of: 1, unit: "directory", since: Machine.seconds())
    return ExportedArtifact(path: path, bytes: try writer.write(to: path, telling: reporter.log))
  }
}

/// Where a quantized model was written.
package struct ExportedArtifact: Hashable, Sendable, Codable {
  package var path: String
  package var bytes: Int

  package init(path: String, bytes: Int) {
    self.path = path
    self.bytes = bytes
  }
}

extension Laboratory {
  /// Whether the open model can be written, once a recipe is carried out, at a path: asked before any work begins.
  ///
  /// - Parameters:
  ///   - recipe: nil for what holds of every recipe.
  ///   - path: nil for what holds of every place.
  ///   - importance: an importance matrix that weighs the rounding; nil for none.
  /// - Throws: `EngineError.noModel`, `.unknownFormat`, `.badOutput`, `.cannotExport`, `.formatCannotHold` with the reason,
  ///   `.diskTooSmall`; `QuantizationError` for what the methods refuse.
  package func checkExport(
    format: String, recipe: Recipe? = nil, path: String? = nil, importance: String? = nil
  ) throws {
    let held = try openModel(for: "writing a model")
    try ArtifactWriter.check(held, format: format, path: path)
    guard let recipe else { return }
    let fitted = try recipe.fitted(to: recipe.widths(of: held.model)).recipe
    let outline = try ArtifactOutline(fitted, held, in: self)
    try ArtifactWriter.check(outline, fitted, format: format)
    try ArtifactWriter.checkSurroundings(held, format: format)
    if let importance {
      try ArtifactWriter.check(
        ImportanceMatrix(path: importance), outline, held, format: format)
    }
    let needed = try ArtifactWriter.expectedBytes(outline, held, format: format)
    if let path, let free = Machine.diskAvailable(at: path), free < needed {
      throw EngineError.diskTooSmall(path: path, needed: needed, free: free)
    }
  }

  /// Bytes that the open model takes on the disk at the most, once a recipe is carried out, in a format.
  ///
  /// - Throws: `EngineError.noModel`, `.unknownFormat`; `QuantizationError` for what the methods refuse.
  package func expectedBytes(format: String, recipe: Recipe) throws -> Int {
    let held = try openModel(for: "writing a model")
    let fitted = try recipe.fitted(to: recipe.widths(of: held.model)).recipe
    return try ArtifactWriter.expectedBytes(
      ArtifactOutline(fitted, held, in: self), held, format: format)
  }

  /// What writing rounds besides the recipe, told before any work begins.
  ///
  /// - Returns: seconds that it takes, and a sentence where what a method found is rounded once more.
  /// - Throws: `EngineError.noModel`, `.unknownFormat`; `QuantizationError` for what the methods refuse.
  package func exportRounding(
    format: String, recipe: Recipe, isWeighed: Bool
  ) throws -> (seconds: Double, notes: [String]) {
    let held = try openModel(for: "writing a model")
    let fitted = try recipe.fitted(to: recipe.widths(of: held.model)).recipe
    let roundings = try ArtifactWriter.format(format).roundings(
      ArtifactOutline(fitted, held, in: self), isWeighed: isWeighed)
    let notes = roundings.filter { $0.roundedBefore > 0 }.map { rounding in
      let (count, held) = (rounding.roundedBefore, rounding.heldWithoutType)
      let plain = format.split(separator: ":")[0]
      return
        "of \(count) rounded layer\(count == 1 ? "" : "s") the numbers are rounded once more, to \(rounding.form): what a "
        + "method has found is lost in part"
        + (held == 0
          ? ""
          : "; '\(plain)' without a type takes \(held == count ? "them" : "\(held) of them") as they are")
    }
    return (roundings.reduce(0) { $0 + $1.seconds(threads: pool.threads) }, notes)
  }

  /// Whether there is a format of this name, and a directory can be put at a path: asked before a model is opened.
  ///
  /// - Throws: `EngineError.unknownFormat`, `.badOutput`; `QuantizationError.checkpointForeign` for a folder of unfinished work
  ///   that no run has made.
  package static func checkOutput(format: String, path: String, unfinished: String) throws {
    guard ExportFormats.named(format) != nil else {
      throw EngineError.unknownFormat(name: format, known: ExportFormats.names)
    }
    try ArtifactWriter.check(path: path)
    guard !QuantizationCheckpoint.isForeign(unfinished) else {
      throw QuantizationError.checkpointForeign(folder: unfinished)
    }
  }
}
