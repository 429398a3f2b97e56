/// The list of all screens: adding one means a file in `Screens/` and a line here.
package enum Screens {
  /// The nine of the walk first, in its order: digit n shows the n-th.
  package static let all: [any Screen.Type] = [
    ModelScreen.self, TargetScreen.self, MethodScreen.self, CalibrateScreen.self,
    HeatmapScreen.self, QualityScreen.self, ProfileScreen.self, VerdictScreen.self,
    CompareScreen.self, SessionsScreen.self, LessonsScreen.self, BudgetScreen.self,
    OutlierScreen.self, CacheScreen.self, BatchScreen.self, ProviderScreen.self,
  ]

  /// Screens of the walk, at the head of `all`.
  package static let walk = 9

  package static func named(_ id: String) -> (any Screen.Type)? { all.first { $0.id == id } }

  /// The place of a screen in `all`.
  package static func index(_ id: String) -> Int? { all.firstIndex { $0.id == id } }

  /// The screen of a state.
  package static func current(_ state: State) -> any Screen.Type {
    named(state.screen) ?? ModelScreen.self
  }
}
