package import Planning
package import Quantization
package import Serving

/// What traffic comes, and what is to serve it.
package struct TrafficOptions: Hashable, Sendable, Codable {
  /// Where the requests are from.
  package enum Source: Hashable, Sendable, Codable {
    /// Drawn at random; its context is that of the model, or what `context` says.
    case drawn(DrawnTrace)
    /// - Parameters:
    ///   - rate: requests a second that its arrivals are brought to; nil for as they are.
    ///   - most: requests that are read; nil for all.
    case file(path: String, rate: Double?, dropsLong: Bool, most: Int?)
  }

  package var source: Source
  /// What is held against full precision.
  package var recipes: [Recipe]
  /// A machine of the catalog; nil for this one.
  package var machine: String?
  /// Tokens a request may have; nil for the model's context.
  package var context: Int?
  package var promise: ServingPromise
  /// Bytes a machine may use; nil for what it has.
  package var memory: Double?
  /// Sequences at once, and tokens of prompts in a step; nil for what suits the machine.
  package var seats: Int?
  package var chunk: Int?
  /// Bits of a cached value, scales included, to hold against each other.
  package var kvWidths: [Double]
  /// Machines, each copy of the model split among `split.ways` of them.
  package var fleet: Int
  package var split: TensorSplit
  package var router: ServingSimulator.Router
  /// Whether the real engine runs the trace too.
  package var executes: Bool

  package init(
    source: Source, recipes: [Recipe] = [], machine: String? = nil, context: Int? = nil,
    promise: ServingPromise = ServingPromise(), memory: Double? = nil, seats: Int? = nil,
    chunk: Int? = nil, kvWidths: [Double] = [], fleet: Int = 1, split: TensorSplit = .none,
    router: ServingSimulator.Router = .least, executes: Bool = false
  ) {
    self.source = source
    self.recipes = recipes
    self.machine = machine
    self.context = context
    self.promise = promise
    self.memory = memory
    self.seats = seats
    self.chunk = chunk
    self.kvWidths = kvWidths
    self.fleet = fleet
    self.split = split
    self.router = router
    self.executes = executes
  }

  /// Whether the machine is this one, whose steps are timed.
  package var isMeasured: Bool { machine == nil || machine == "this" }

  /// Copies of the model that share the requests.
  package var replicas: Int { fleet / max(1, split.ways) }

  /// The requests.
  ///
  /// - Parameter context: of the model.
  /// - Throws: `TraceError`.
  func trace(context own: Int) throws -> RequestTrace {
    let context = min(context ?? own, own)
    switch source {
    case .drawn(var drawn):
      drawn.context = context
      return try drawn.trace()
    case .file(let path, let rate, let dropsLong, let most):
      let trace = try TraceFile(path: path, context: context, dropsLong: dropsLong, most: most)
        .read()
      guard let rate, trace.rate.isFinite, trace.rate > 0, trace.requests.count > 1 else {
        return trace
      }
      return trace.scaled(by: rate / trace.rate)
    }
  }

  /// - Throws: `EngineError.badTraffic` for what contradicts itself.
  package func check() throws {
    func refuse(_ option: String, _ expected: String, _ found: String) -> EngineError {
      .badTraffic(option: option, expected: expected, found: found)
    }
    guard isMeasured else {
      if executes { throw refuse("--execute", "this machine", machine ?? "") }
      guard fleet % max(1, split.ways) == 0 else {
        throw refuse("--fleet", "a multiple of --split \(split.ways)", "\(fleet)")
      }
      guard split.ways == 1 || split.link > 0 else {
        throw refuse("--link", "bytes a second of the link of a split, such as 450GB", "none")
      }
      return
    }
    if fleet > 1 || split.ways > 1 {
      throw refuse("--fleet", "a described machine (--machine)", "this one")
    }
    if !kvWidths.isEmpty {
      throw refuse(
        "--kv-widths", "a described machine (--machine), since no kernel here has every width",
        "this one")
    }
  }
}
