package registry.level_test

import data.registry.level

test_the_highest_level_counts if level.highest({"L1", "L4", "L2"}) == "L4"

test_no_level_is_no_level if not level.highest(set())

test_an_unknown_level_reaches_nothing if {
	not level.at_least("L9", "L0")
	not level.at_least("L5", "L9")
	not level.at_least("", "")
}
