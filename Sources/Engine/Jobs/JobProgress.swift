/// How far a job has come.
package struct JobProgress: Hashable, Sendable, Codable {
  /// What is being done now: `calibrating block 3 of 8`.
  package var phase: String
  package var done: Int
  package var total: Int
  /// What is counted: `layers`, `windows`.
  package var unit: String
  /// How much of the next unit is done, 0 to 1, where that is known.
  package var share: Double?
  package var secondsElapsed: Double
  /// nil until it can be told.
  package var secondsLeft: Double?
  /// Units of work a second, in `rateUnit`.
  package var rate: Double?
  package var rateUnit: String
  package var peakResidentBytes: Int
  /// The most memory the job itself held so far; nil where it is not watched.
  package var jobBytes: Int?

  package init(
    phase: String, done: Int, total: Int, unit: String, share: Double? = nil,
    secondsElapsed: Double, secondsLeft: Double? = nil, rate: Double? = nil, rateUnit: String = "",
    peakResidentBytes: Int = 0
  ) {
    self.phase = phase
    self.done = done
    self.total = total
    self.unit = unit
    self.share = share
    self.secondsElapsed = secondsElapsed
    self.secondsLeft = secondsLeft
    self.rate = rate
    self.rateUnit = rateUnit
    self.peakResidentBytes = peakResidentBytes
  }
}
