import Platform

/// What a running job tells the outside with, and is told by it.
package struct JobReporter<Part: JobValue>: Sendable {
  let id: JobID
  /// The name of the kind of job.
  let job: String
  let control: JobControl
  let emit: @Sendable (JobEvent) -> Void
  /// What a job that keeps its measurements does with those of an earlier run.
  var resuming = Resuming.never
  var start = Machine.seconds()
  /// Mapped files that had lost pages before.
  var losses = MappedFile.losses

  /// Seconds since the job began.
  var elapsed: Double { Machine.seconds() - start }

  /// The same for work that several kinds of jobs share, which tells no parts.
  var withoutParts: JobReporter<Never> {
    JobReporter<Never>(
      id: id, job: job, control: control, emit: emit, resuming: resuming, start: start,
      losses: losses)
  }

  /// Waits while paused.
  ///
  /// - Throws: when the job was cancelled, or a file that was read from has become shorter meanwhile.
  func checkpoint() throws {
    try control.checkpoint()
    guard MappedFile.losses == losses else {
      throw EngineError.weightsChanged(reason: "a file became shorter while it was read")
    }
  }

  func log(_ text: String) { emit(.log(id: id, text: text)) }

  /// Tells a part of the report.
  func tell(_ part: Part) { emit(.part(id: id, part: JobPayload(job: job, value: part))) }

  /// Tells how far a phase has come; time left follows from what was done since `since`.
  ///
  /// - Parameters:
  ///   - share: how much of the next unit is done, 0 to 1.
  ///   - before: units that were done before `since`.
  func progress(
    _ phase: String, done: Int, of total: Int, unit: String, since: Double, share: Double? = nil,
    before: Int = 0, work: Double = 0, rateUnit: String = "", jobBytes: Int? = nil
  ) {
    let spent = Machine.seconds() - since
    let made = Double(done - before) + (share ?? 0)
    var progress = JobProgress(
      phase: phase, done: done, total: total, unit: unit, share: share,
      secondsElapsed: elapsed,
      secondsLeft: done > before
        ? spent / made * (Double(total - done) - (share ?? 0)) : nil,
      rate: work > 0 && spent > 0 ? work / spent : nil, rateUnit: rateUnit,
      peakResidentBytes: Machine.peakResidentBytes() ?? 0)
    progress.jobBytes = jobBytes
    emit(.progressed(id: id, progress: progress))
  }
}
