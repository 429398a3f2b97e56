/// Why keys can do nothing now, in the words that several screens share.
extension State {
  /// There is no model that anything could be asked of.
  var lacksModel: String? {
    facts.model == nil ? "No model is open yet: 1 shows the models there are" : nil
  }

  /// Nothing is quantized that could be measured, looked into or written, and no candidate is open.
  var lacksQuantized: String? {
    facts.quantized == nil && !facts.holdsCandidate
      ? "Nothing is quantized yet: choose a method (3) and quantize (4)" : nil
  }

  /// A job has the machine for itself.
  var isBusy: String? {
    jobs.active.map { "Not while this runs: \($0.title). X cancels it" }
  }

  /// Whatever keeps a measurement of the open model from being started.
  var cannotMeasure: String? { lacksModel ?? isBusy }

  /// No job that could be paused or cancelled.
  var isIdle: String? { jobs.active == nil ? "No job runs" : nil }
}
