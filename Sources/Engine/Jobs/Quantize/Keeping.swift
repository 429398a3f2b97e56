/// Whether finished blocks of a quantization are kept on disk, so that a run that ends early can be continued.
package enum Keeping: Hashable, Sendable, Codable {
  case nothing
  /// In this folder; an unfinished run that is found there is continued, or is an error. `writes` is what is written next to it
  /// afterwards, for which the disk must have room too: bytes, nil for the weights as they come out.
  case folder(path: String, resumes: Bool, writes: Int? = nil)
  /// In the data folder, under a name made from all the run depends on, when the run is expected to be long; an
  /// unfinished run of the same is continued.
  case automatic
}
