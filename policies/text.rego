# Sentences for reasons. A reason must exist for every denial, whatever the input holds, so quoting never fails.
package registry.text

# A quoted value is cut to this many characters: an input must not be able to flood a decision.
longest_quote := 120

quote(value) := substring(value, 0, longest_quote) if is_string(value)

quote(value) := "(none)" if not is_string(value)

reason(rule, parts) := {"rule": rule, "text": concat("", parts)}
