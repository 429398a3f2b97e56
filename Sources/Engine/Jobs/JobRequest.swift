/// The number of a job within one run of the program.
package struct JobID: Hashable, Sendable, Codable {
  package var number: Int

  package init(number: Int) { self.number = number }
}

/// A job of any kind, with its options: `{"job":"batch","options":{…}}`.
package struct JobRequest: Hashable, Sendable {
  package let job: any Job

  package init(_ job: any Job) { self.job = job }

  /// The name of its kind.
  package var name: String { type(of: job).name }
  package var isHeavy: Bool { type(of: job).isHeavy }
  package var title: String { job.title }
  package var words: String { job.words }

  /// The job where it is of this kind.
  package func `as`<Kind: Job>(_ kind: Kind.Type) -> Kind? { job as? Kind }

  package static func == (one: JobRequest, other: JobRequest) -> Bool {
    isEqual(one.job, other.job)
  }

  package func hash(into hasher: inout Hasher) { job.hash(into: &hasher) }
}

extension JobRequest: Codable {
  private enum Key: String, CodingKey { case job }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let name = try container.decode(String.self, forKey: .job)
    let type = try Jobs.named(name, at: container.codingPath + [Key.job])
    job = try type.init(from: decoder)
  }

  package func encode(to encoder: any Encoder) throws {
    try job.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(name, forKey: .job)
  }
}

/// Whether two values of any types are of the same type and equal.
func isEqual<Value: Equatable>(_ one: Value, _ other: any Equatable) -> Bool {
  one == other as? Value
}
