/// A report, or a part of one, whose type only its job knows.
package struct JobPayload: Hashable, Sendable {
  /// The name of the kind of job.
  package let job: String
  package let value: any JobValue

  package init<Kind: Job>(_ report: Kind.Report, of kind: Kind.Type) {
    job = kind.name
    value = report
  }

  package init<Kind: Job>(part: Kind.Part, of kind: Kind.Type) {
    job = kind.name
    value = part
  }

  init(job: String, value: any JobValue) {
    self.job = job
    self.value = value
  }

  package static func == (one: JobPayload, other: JobPayload) -> Bool {
    one.job == other.job && isEqual(one.value, other.value)
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(job)
    value.hash(into: &hasher)
  }
}

extension Job {
  static func report(from decoder: any Decoder) throws -> any JobValue {
    try Report(from: decoder)
  }

  static func part(from decoder: any Decoder) throws -> any JobValue { try Part(from: decoder) }
}
