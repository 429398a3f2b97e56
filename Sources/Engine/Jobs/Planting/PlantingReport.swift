package import Quantization

/// What planting outliers in the open model did, by measurement.
package struct PlantingReport: Hashable, Sendable, Codable {
  /// The model as it is now.
  package var summary: ModelSummary
  /// nil when they were taken out again.
  package var planting: OutlierPlanting?
  /// The planted channels of each norm.
  package var channels: [Int]
  /// The largest difference of a logit to the model as it was read, on one calibration window.
  package var logitDifference: Double
  /// Logits that were compared.
  package var logits: Int
  /// Input columns of all layers, those that share an input counted once.
  package var columns: Int
  /// Those that reach 6.0 on some calibration windows, before and after.
  package var atSixBefore: Int
  package var atSixAfter: Int

  package init(
    summary: ModelSummary, planting: OutlierPlanting? = nil, channels: [Int],
    logitDifference: Double, logits: Int, columns: Int, atSixBefore: Int, atSixAfter: Int
  ) {
    self.summary = summary
    self.planting = planting
    self.channels = channels
    self.logitDifference = logitDifference
    self.logits = logits
    self.columns = columns
    self.atSixBefore = atSixBefore
    self.atSixAfter = atSixAfter
  }
}
