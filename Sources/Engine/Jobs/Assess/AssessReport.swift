package import Planning
package import Quantization

/// What a recipe would cost, and where it runs, before it is tried.
package struct AssessReport: Hashable, Sendable, Codable {
  package var recipe: Recipe
  /// Expected seconds of quantizing on this machine; nil when nothing is known.
  package var seconds: Double?
  package var peakResidentBytes: Int
  package var outputBytes: Int
  package var baselineBytes: Int
  package var kvBytesPerToken: Int
  package var baselineKVBytesPerToken: Int
  package var coverage: [RuntimeCoverage]
  /// Why the recipe cannot run as it is (a group that does not divide, an unknown option); empty when fine.
  package var problems: [String]
  /// Bytes on disk while finished blocks are kept, the artifact included.
  package var diskBytes: Int?
  /// The most memory the job itself will hold, pages of mapped files not counted; nil in reports that were made without.
  package var jobBytes: Int?
  /// What is likely to disappoint, such as a calibration text that is too short.
  package var warnings: [String]?
  /// Which formats can hold the result; nil in reports that were made without, and for the baseline.
  package var exports: [ExportOutlook]?

  package init(
    recipe: Recipe, seconds: Double?, peakResidentBytes: Int, outputBytes: Int,
    baselineBytes: Int, kvBytesPerToken: Int, baselineKVBytesPerToken: Int,
    coverage: [RuntimeCoverage], problems: [String], diskBytes: Int? = nil,
    warnings: [String]? = nil
  ) {
    self.recipe = recipe
    self.seconds = seconds
    self.peakResidentBytes = peakResidentBytes
    self.outputBytes = outputBytes
    self.baselineBytes = baselineBytes
    self.kvBytesPerToken = kvBytesPerToken
    self.baselineKVBytesPerToken = baselineKVBytesPerToken
    self.coverage = coverage
    self.problems = problems
    self.diskBytes = diskBytes
    self.warnings = warnings
  }
}
