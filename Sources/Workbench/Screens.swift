/// The list of all screens: adding one means a folder in `Screens/` and a line here.
package enum Screens {
  /// Those of the walk in its order.
  package static let all: [any Screen.Type] = [
    ModelScreen.self, TargetScreen.self, MethodScreen.self, CalibrateScreen.self,
    HeatmapScreen.self, QualityScreen.self, ProfileScreen.self, VerdictScreen.self,
    CompareScreen.self, SessionsScreen.self, LessonsScreen.self, BudgetScreen.self,
    OutlierScreen.self, CacheScreen.self, BatchScreen.self, TrafficScreen.self, ProviderScreen.self,
    ChooseScreen.self, SweepScreen.self,
  ]

  /// The steps of the walk.
  package static let walk: [any Screen.Type] = all.filter { $0.isInWalk }

  package static func named(_ id: String) -> (any Screen.Type)? { all.first { $0.id == id } }

  /// The place of a screen in the walk; nil for a screen outside it.
  package static func step(_ id: String) -> Int? { walk.firstIndex { $0.id == id } }

  /// The screen of a state.
  package static func current(_ state: State) -> any Screen.Type {
    named(state.screen) ?? all[0]
  }
}
