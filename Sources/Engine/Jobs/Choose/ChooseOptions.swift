package import Planning

/// What a choice has to meet, and what it may take to find it.
package struct ChooseOptions: Hashable, Sendable, Codable {
  /// What the model is to be used for.
  package var workload: Workload
  /// A machine of the catalog; nil for this one, which alone is measured.
  package var machine: String?
  /// A runtime that is to run the result natively, by a part of its name; nil for this program.
  package var runtime: String?
  /// KL to the baseline in nats at most.
  package var mostKL: Double
  /// Share of tokens whose most likely successor stays the baseline's, at least, 0 to 1.
  package var leastTopOne: Double
  /// Bytes of weights and cache of the workload together at most; nil for the plan's budget.
  package var mostBytes: Double?
  /// Text that quality is measured on; nil for the built-in one.
  package var text: String?
  /// Windows of it at most.
  package var windows: Int
  package var calibration: CalibrationOptions
  /// Seconds that it may take; what is not measured by then is said.
  package var seconds: Double
  /// Whether every candidate is measured to the end and timed, also those that cannot win; nil for no.
  package var exhaustive: Bool?

  package init(
    workload: Workload, machine: String? = nil, runtime: String? = nil, mostKL: Double = 0.02,
    leastTopOne: Double = 0.9, mostBytes: Double? = nil, text: String? = nil, windows: Int = 32,
    calibration: CalibrationOptions = CalibrationOptions(), seconds: Double = 900,
    exhaustive: Bool? = nil
  ) {
    self.exhaustive = exhaustive
    self.workload = workload
    self.machine = machine
    self.runtime = runtime
    self.mostKL = mostKL
    self.leastTopOne = leastTopOne
    self.mostBytes = mostBytes
    self.text = text
    self.windows = windows
    self.calibration = calibration
    self.seconds = seconds
  }
}
