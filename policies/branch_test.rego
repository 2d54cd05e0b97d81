package registry.branch_test

import data.registry.branch

test_a_pattern_fits_every_depth_below_it if {
	every name in ["feature/a", "feature/a/b", "feature/a/b/c"] {
		branch.row(name).pattern == "feature/*"
	}
}

test_a_pattern_fits_neither_its_folder_nor_its_neighbours if {
	every name in ["feature", "feature/", "features/a", "xfeature/a", "Feature/a", "mainline", "main/a", ""] {
		not branch.row(name)
	}
}

test_what_is_no_string_fits_nothing if {
	every name in [null, 1, true, ["main"], {"main": "main"}] {
		not branch.row(name)
	}
}

test_the_first_row_that_fits_decides if {
	rows := [{"pattern": "feature/hot/*", "push": "L2"}, {"pattern": "feature/*", "push": "L1"}]
	branch.row("feature/hot/a").push == "L2" with data.policy.branches as rows
	branch.row("feature/cold").push == "L1" with data.policy.branches as rows
}

test_a_rule_is_called_after_its_pattern if {
	branch.rule_id({"pattern": "feature/*"}) == "branch.feature"
	branch.rule_id({"pattern": "team/blue/*"}) == "branch.team.blue"
	branch.rule_id({"pattern": "main"}) == "branch.main"
}
