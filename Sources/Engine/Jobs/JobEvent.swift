/// What happens in a job, in order: started, any number of the middle ones, one of the last three.
package enum JobEvent: Hashable, Sendable {
  case started(id: JobID, title: String)
  case progressed(id: JobID, progress: JobProgress)
  /// A part of what the job yields, as it comes.
  case part(id: JobID, part: JobPayload)
  case log(id: JobID, text: String)
  case finished(id: JobID, report: JobPayload)
  /// `message` says what was expected, found and where.
  case failed(id: JobID, message: String)
  case cancelled(id: JobID)

  /// The job that the event is about.
  package var id: JobID {
    switch self {
    case .started(let id, _), .progressed(let id, _), .part(let id, _), .log(let id, _),
      .finished(let id, _), .failed(let id, _), .cancelled(let id):
      id
    }
  }

  /// Whether nothing follows for its job.
  package var endsJob: Bool {
    switch self {
    case .finished, .failed, .cancelled: true
    case .started, .progressed, .part, .log: false
    }
  }
}

extension JobEvent {
  /// A job of a kind has finished.
  package static func finished<Kind: Job>(
    id: JobID, _ kind: Kind.Type, _ report: Kind.Report
  ) -> JobEvent {
    .finished(id: id, report: JobPayload(report, of: kind))
  }

  /// A job of a kind tells a part.
  package static func part<Kind: Job>(
    id: JobID, _ kind: Kind.Type, _ part: Kind.Part
  ) -> JobEvent {
    .part(id: id, part: JobPayload(part: part, of: kind))
  }
}

/// `{"finished":{"id":{"number":3},"job":"batch","report":{…}}}`: the job's name says what the report is.
extension JobEvent: Codable {
  private enum Kind: String, CodingKey, CaseIterable {
    case started, progressed, part, log, finished, failed, cancelled
  }

  private enum Field: String, CodingKey {
    case id, title, progress, text, job, part, report, message
  }

  package init(from decoder: any Decoder) throws {
    let outer = try decoder.container(keyedBy: Kind.self)
    guard let kind = outer.allKeys.first, outer.allKeys.count == 1 else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: outer.codingPath,
          debugDescription: "expected one event of "
            + Kind.allCases.map(\.rawValue).joined(separator: ", ")))
    }
    let fields = try outer.nestedContainer(keyedBy: Field.self, forKey: kind)
    let id = try fields.decode(JobID.self, forKey: .id)
    func text(_ field: Field) throws -> String { try fields.decode(String.self, forKey: field) }
    func payload(
      _ field: Field, _ read: (any Job.Type, any Decoder) throws -> any JobValue
    ) throws -> JobPayload {
      let name = try text(.job)
      let type = try Jobs.named(name, at: fields.codingPath + [Field.job])
      return JobPayload(job: name, value: try read(type, try fields.superDecoder(forKey: field)))
    }
    switch kind {
    case .started: self = .started(id: id, title: try text(.title))
    case .progressed:
      self = .progressed(
        id: id, progress: try fields.decode(JobProgress.self, forKey: .progress))
    case .part: self = .part(id: id, part: try payload(.part) { try $0.part(from: $1) })
    case .log: self = .log(id: id, text: try text(.text))
    case .finished:
      self = .finished(id: id, report: try payload(.report) { try $0.report(from: $1) })
    case .failed: self = .failed(id: id, message: try text(.message))
    case .cancelled: self = .cancelled(id: id)
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var outer = encoder.container(keyedBy: Kind.self)
    func fields(_ kind: Kind) throws -> KeyedEncodingContainer<Field> {
      var fields = outer.nestedContainer(keyedBy: Field.self, forKey: kind)
      try fields.encode(id, forKey: .id)
      return fields
    }
    switch self {
    case .started(_, let title):
      var fields = try fields(.started)
      try fields.encode(title, forKey: .title)
    case .progressed(_, let progress):
      var fields = try fields(.progressed)
      try fields.encode(progress, forKey: .progress)
    case .part(_, let part):
      var fields = try fields(.part)
      try fields.encode(part.job, forKey: .job)
      try fields.encode(part.value, forKey: .part)
    case .log(_, let text):
      var fields = try fields(.log)
      try fields.encode(text, forKey: .text)
    case .finished(_, let report):
      var fields = try fields(.finished)
      try fields.encode(report.job, forKey: .job)
      try fields.encode(report.value, forKey: .report)
    case .failed(_, let message):
      var fields = try fields(.failed)
      try fields.encode(message, forKey: .message)
    case .cancelled: _ = try fields(.cancelled)
    }
  }
}
