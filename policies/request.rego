# What a request must state at all. A rule about a member that is absent would say nothing, and so would deny nothing.
package registry.request

import data.registry.text

incomplete(members) := {text.reason("request.incomplete", ["The request does not state ", concat(", ", sort(absent)), "."]) |
	absent := members - object.keys(input)
	count(absent) > 0
}

malformed := {text.reason("request.incomplete", ["The request is no object."]) | not is_object(input)}
