extension PlanReport {
  /// One cell of the map of what fits.
  package struct Fit: Hashable, Sendable, Codable {
    package var context: Int
    package var requests: Int
    /// The widest KV cache that fits, in bits of a code (16, 8, 4, 3.5), or nil when none does.
    package var widestKVBits: Double?

    package init(context: Int, requests: Int, widestKVBits: Double?) {
      self.context = context
      self.requests = requests
      self.widestKVBits = widestKVBits
    }
  }

  /// The map of what fits at one width of the cache.
  package struct KVMap: Hashable, Sendable, Codable {
    package var width: KVWidth
    /// Bytes a token of one request adds, until windows are full.
    package var bytesPerToken: Double
    /// Bytes of the workload's cache.
    package var cacheBytes: Double
    /// Seconds a decode step of the workload takes to read it.
    package var cacheSeconds: Double
    /// Bytes of the cache over the bytes there are for it, cell for cell as in `fits`: up to 1 it fits.
    package var shares: [[Double]]
    /// The longest context that fits at the workload's requests: 0 for none, nil where no length is too long.
    package var longestContext: Int?
    /// The most requests that fit at the workload's context: 0 for none.
    package var mostRequests: Int

    package init(
      width: KVWidth, bytesPerToken: Double, cacheBytes: Double, cacheSeconds: Double,
      shares: [[Double]], longestContext: Int?, mostRequests: Int
    ) {
      self.width = width
      self.bytesPerToken = bytesPerToken
      self.cacheBytes = cacheBytes
      self.cacheSeconds = cacheSeconds
      self.shares = shares
      self.longestContext = longestContext
      self.mostRequests = mostRequests
    }
  }
}
