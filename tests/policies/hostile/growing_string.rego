# expect: worker died

# METADATA
# title: A rule that hurts its worker
# description: Each line is ten times as long as the one before.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: approve
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.hostile.growing_string

finding contains {
	"verdict": "alert",
	"reason": "This is never said in time.",
	"proof": ["event.kind"],
} if {
	count(s9) > 0
}

s0 := "0123456789012345678901234567890123456789"

s1 := concat("", [s0, s0, s0, s0, s0, s0, s0, s0, s0, s0])

s2 := concat("", [s1, s1, s1, s1, s1, s1, s1, s1, s1, s1])

s3 := concat("", [s2, s2, s2, s2, s2, s2, s2, s2, s2, s2])

s4 := concat("", [s3, s3, s3, s3, s3, s3, s3, s3, s3, s3])

s5 := concat("", [s4, s4, s4, s4, s4, s4, s4, s4, s4, s4])

s6 := concat("", [s5, s5, s5, s5, s5, s5, s5, s5, s5, s5])

s7 := concat("", [s6, s6, s6, s6, s6, s6, s6, s6, s6, s6])

s8 := concat("", [s7, s7, s7, s7, s7, s7, s7, s7, s7, s7])

s9 := concat("", [s8, s8, s8, s8, s8, s8, s8, s8, s8, s8])
