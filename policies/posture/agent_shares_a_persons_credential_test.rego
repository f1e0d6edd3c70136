package portcullis.rules.posture.agent_shares_a_persons_credential_test

import data.portcullis.rules.posture.agent_shares_a_persons_credential as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "identity"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"identity": facts,
}

agent(shared) := about({"name": "fixer", "kind": "agent", "shared_credentials": shared})

test_finds_an_agent_with_a_persons_token if {
	reasons(rule.finding) == {"The agent fixer works with laptop, which is Ana's: nobody can tell which of the two did something."} with input as agent([{"name": "laptop", "person": "Ana"}])
}

test_leaves_an_agent_with_its_own_alone if {
	count(rule.finding) == 0 with input as agent([])
}

test_leaves_a_person_alone if {
	count(rule.finding) == 0 with input as about({"name": "Ana", "kind": "user", "shared_credentials": null})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "fixer", "kind": "agent"})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 1 with input as about({"name": "fixer", "kind": "agent", "shared_credentials": [{"name": "laptop", "person": "Ana"}]})
}
