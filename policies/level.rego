# The order of the levels (ADR-002 §9, contracts "Levels").
package registry.level

names := ["L0", "L1", "L2", "L3", "L4", "L5"]

rank[name] := position if some position, name in names

# highest(found) is undefined for an empty set: no level was found, and nothing is allowed without one.
highest(found) := names[max({rank[name] | some name in found})]

# at_least is false, never an error, for a level that it does not know: callers negate it and so fail closed.
at_least(left, right) if rank[left] >= rank[right]
