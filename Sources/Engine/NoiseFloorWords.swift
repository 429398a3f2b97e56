/// What the noise floor is a floor of, in words: one runtime's rounding, not everybody's.
package enum NoiseFloorWords {
  /// For a line of its own.
  package static let others =
    "other runtimes' own BF16 may lie up to ten times above it (SmolLM2-135M: 8.6e-4 in transformers, 7.9e-5 here)"
  /// For a screen.
  package static let short = "this program's BF16; others' up to 10 times above"
}
