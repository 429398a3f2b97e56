import Platform

/// The rows of a trace file on their way to requests: checked one by one, arrivals taken from the first.
struct RequestRows {
  private let file: TraceFile
  private var requests: [ServedRequest] = []
  private var tree = SharedPrefixes()
  private var first: Double?
  private var latest = 0.0
  private var leftOut = 0

  init(_ file: TraceFile) { self.file = file }

  var isFull: Bool { file.most.map { requests.count >= $0 } ?? false }

  private func wrong(
    _ line: TextLines.Line, _ field: String, _ expected: String, _ found: String
  ) -> TraceError {
    .badLine(
      path: file.path, line: line.number, field: field, expected: expected,
      found: found.isEmpty ? "nothing" : "'\(found.prefix(60))'")
  }

  mutating func addCSV(_ line: TextLines.Line, _ columns: CSVColumns) throws(TraceError) {
    let cells = line.text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    guard cells.count == columns.count else {
      throw wrong(
        line, "columns", "\(columns.count) of them, as the header has", "\(cells.count)")
    }
    func text(_ column: Int) -> String {
      String(decoding: cells[column], as: UTF8.self).filter { $0 != "\"" }
    }
    func tokens(_ column: Int, _ field: String) throws(TraceError) -> Int {
      guard let count = Int(text(column).filter { $0 != " " }) else {
        throw wrong(line, field, "a whole number of tokens", text(column))
      }
      return count
    }
    let stamp = text(columns.time)
    guard let time = Timestamp.seconds(stamp) else {
      throw wrong(
        line, CSVColumns.timeName, "a time such as 2023-11-16 18:17:03.98, or seconds", stamp)
    }
    try add(
      line, time, (CSVColumns.timeName, stamp),
      prompt: (CSVColumns.promptName, try tokens(columns.prompt, CSVColumns.promptName)),
      generated: (
        CSVColumns.generatedName, try tokens(columns.generated, CSVColumns.generatedName)
      ), ids: [])
  }

  mutating func addJSON(_ line: TextLines.Line) throws(TraceError) {
    let value: JSONValue
    do { value = try StrictJSON.parse(UnsafeRawBufferPointer(rebasing: line.text)) } catch {
      throw wrong(line, "line", "a JSON object (\(error))", line.string)
    }
    guard let object = value.object else { throw wrong(line, "line", "a JSON object", line.string) }
    func number(_ field: String) throws(TraceError) -> JSONValue {
      guard let value = object[field] else { throw wrong(line, field, "a number", "") }
      return value
    }
    func tokens(_ field: String) throws(TraceError) -> Int {
      let value = try number(field)
      guard let count = value.integer else {
        throw wrong(line, field, "a whole number of tokens", value.kind)
      }
      return count
    }
    let stamp = try number("timestamp")
    guard let time = stamp.double, time.isFinite else {
      throw wrong(line, "timestamp", "milliseconds", stamp.kind)
    }
    var ids: [Int] = []
    if let list = object["hash_ids"] {
      guard let items = list.array else {
        throw wrong(line, "hash_ids", "an array of whole numbers", list.kind)
      }
      for item in items {
        guard let id = item.integer else {
          throw wrong(line, "hash_ids", "an array of whole numbers", item.kind)
        }
        ids.append(id)
      }
    }
    try add(
      line, time / 1000, ("timestamp", "\(time)"),
      prompt: ("input_length", try tokens("input_length")),
      generated: ("output_length", try tokens("output_length")), ids: ids)
  }

  private mutating func add(
    _ line: TextLines.Line, _ time: Double, _ stamp: (name: String, text: String),
    prompt: (name: String, tokens: Int), generated: (name: String, tokens: Int), ids: [Int]
  ) throws(TraceError) {
    guard time >= 0 else { throw wrong(line, stamp.name, "0 or later", stamp.text) }
    if first != nil, time < latest {
      throw wrong(
        line, stamp.name, "no time before that of the row above, arrivals in order", stamp.text)
    }
    latest = time
    for (name, tokens) in [prompt, generated] where tokens < 1 {
      throw wrong(line, name, "1 token or more", "\(tokens)")
    }
    let blocks = (prompt.tokens - 1) / TraceFile.hashedTokens + 1
    guard ids.count <= blocks else {
      throw wrong(
        line, "hash_ids",
        "at most \(blocks), one for each \(TraceFile.hashedTokens) of \(prompt.tokens) tokens",
        "\(ids.count)")
    }
    let (total, isTooMany) = prompt.tokens.addingReportingOverflow(generated.tokens)
    guard !isTooMany, total <= file.context else {
      guard !file.dropsLong else {
        leftOut += 1
        return
      }
      throw wrong(
        line, prompt.tokens >= file.context ? prompt.name : generated.name,
        "a request of at most \(file.context) tokens, the context (or leave such out: --drop-long)",
        "\(prompt.tokens) + \(generated.tokens)")
    }
    let begin = first ?? time
    first = begin
    tree.add(ids, prompt: prompt.tokens)
    requests.append(
      ServedRequest(
        arrival: time - begin, prompt: prompt.tokens, generated: generated.tokens))
  }

  consuming func trace() throws(TraceError) -> RequestTrace {
    guard !requests.isEmpty else { throw .empty(path: file.path) }
    let (prefixes, ends) = tree.common()
    for index in requests.indices { requests[index].prefix = ends[index] }
    let name = file.path.split(separator: "/").last.map(String.init) ?? file.path
    return RequestTrace(name: name, requests: requests, prefixes: prefixes, leftOut: leftOut)
  }
}

/// Where the columns of a CSV trace are.
struct CSVColumns {
  static let timeName = "TIMESTAMP"
  static let promptName = "ContextTokens"
  static let generatedName = "GeneratedTokens"

  let count: Int
  let time: Int
  let prompt: Int
  let generated: Int

  init(_ header: TextLines.Line, _ path: String) throws(TraceError) {
    let names = header.string.split(separator: ",", omittingEmptySubsequences: false).map {
      $0.filter { $0 != " " && $0 != "\"" }.lowercased()
    }
    func place(_ name: String) throws(TraceError) -> Int {
      guard let place = names.firstIndex(of: name.lowercased()) else {
        throw .badLine(
          path: path, line: header.number, field: name,
          expected:
            "a header with \(Self.timeName), \(Self.promptName) and \(Self.generatedName), or JSON lines",
          found: "'\(header.string.prefix(80))'")
      }
      return place
    }
    count = names.count
    time = try place(Self.timeName)
    prompt = try place(Self.promptName)
    generated = try place(Self.generatedName)
  }
}
