# What a branch name means. The domain knows the syntax of refs; only these rules know their meaning.
package registry.branch

# "feature/*" stands for every name below feature/, at any depth; a pattern without "/*" is one name.
matches(pattern, name) if {
	endswith(pattern, "/*")
	prefix := trim_suffix(pattern, "*")
	startswith(name, prefix)
	count(name) > count(prefix)
}

matches(pattern, name) if {
	not endswith(pattern, "/*")
	pattern == name
}

# The first row that fits decides, so that a tenant can put a narrow pattern above a wide one.
row(name) := data.policy.branches[first] if {
	is_string(name)
	first := min({position |
		some position, candidate in data.policy.branches
		matches(candidate.pattern, name)
	})
}

# "feature/*" gives "branch.feature".
rule_id(found) := concat(".", ["branch", replace(trim_suffix(found.pattern, "/*"), "/", ".")])

# The patterns a plain push may go to, for the advice in a denial.
open_patterns := concat(" or ", [candidate.pattern |
	some candidate in data.policy.branches
	not candidate.protected
])

protected_patterns := concat(" or ", [candidate.pattern |
	some candidate in data.policy.branches
	candidate.protected
])

# How a sentence names the pattern that a name fell under; nothing where they are the same.
below(found) := concat("", [", below ", trim_suffix(found.pattern, "*"), ","]) if endswith(found.pattern, "/*")

below(found) := "" if not endswith(found.pattern, "/*")
