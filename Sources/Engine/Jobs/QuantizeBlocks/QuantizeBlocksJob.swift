import Models
package import Quantization

/// Quantizes some blocks of the open model and keeps them, with the activations after them, in the folder of an unfinished run:
/// what comes next goes on from there, in another process or on another machine, to the same bits.
package struct QuantizeBlocksJob: Job {
  /// What the whole run is; it keeps its blocks in a folder.
  package var quantize: QuantizeJob
  /// Blocks that are done when it ends.
  package var end: Int

  package init(quantize: QuantizeJob, end: Int) {
    self.quantize = quantize
    self.end = end
  }

  package static let name = "quantize-blocks"
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged]
  package static let keptParts = QuantizeJob.keptParts

  package typealias Part = LayerReport

  package var title: String { "Quantizing up to block \(end): \(quantize.recipe)" }
  package var words: String { "quantize blocks: \(quantize.recipe)" }
  package func news(of report: QuantizedBlocks) -> String? {
    "\(report.done) of \(report.blocks) blocks are quantized"
  }

  /// - Throws: as `QuantizeJob`; `EngineError.badBlocks` for a run that keeps nothing.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<LayerReport>
  ) throws -> QuantizedBlocks {
    guard case .folder(let folder, _, _) = quantize.keeping else {
      throw EngineError.badBlocks(expected: "a folder to keep blocks in", found: "none")
    }
    do {
      _ = try quantize.run(in: laboratory, reporting: reporter, until: end)
    } catch is QuantizeJob.Reached {
      // That is what was asked for.
    }
    let progress = QuantizationCheckpoint.progress(in: folder)
    return QuantizedBlocks(
      folder: folder, done: progress?.done ?? 0, blocks: progress?.of ?? 0)
  }
}

/// How far an unfinished quantization has come.
package struct QuantizedBlocks: JobValue {
  package var folder: String
  package var done: Int
  /// Of the model.
  package var blocks: Int

  package init(folder: String, done: Int, blocks: Int) {
    self.folder = folder
    self.done = done
    self.blocks = blocks
  }
}

extension Laboratory {
  /// Blocks of the open model.
  ///
  /// - Throws: `EngineError.noModel`.
  package func blockCount() throws -> Int {
    try openModel(for: "counting its blocks").model.blocks.count
  }
}
