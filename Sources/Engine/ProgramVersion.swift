/// The version of the program, as `--version`, sessions and artifacts tell it.
package enum ProgramVersion {
  package static let current = "0.1.0"
}
